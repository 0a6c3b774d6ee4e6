// The units of the vector engine that are pipelines: TILE, UPDATE, AFFINE, REDUCE and POOL between one bl_stream, which brings the operands of a group
// after the other, and one bl_write. At most one of them runs.
module bl_streams #(
    parameter int V = bl_pkg::LANES,
    parameter int Groups = (bl_pkg::COLS + V - 1) / V,
    parameter int RowW = bl_pkg::ROWS > 1 ? $clog2(bl_pkg::ROWS) : 1,
    parameter int GroupW = Groups > 1 ? $clog2(Groups) : 1,
    parameter int VinW = bl_pkg::VIN_WORDS > 1 ? $clog2(bl_pkg::VIN_WORDS) : 1,
    parameter int RawW = bl_pkg::VOUT_WORDS > 1 ? $clog2(bl_pkg::VOUT_WORDS) : 1
) (
    input  logic              clk_i,
    input  logic              rst_ni,
    // From the first cycle until the cycle of done_o
    input  logic              run_tile_i,
    input  logic              run_update_i,
    input  logic              run_affine_i,
    input  logic              run_reduce_i,
    input  logic              run_pool_i,
    output logic              done_o,
    input  logic [     511:0] cmd_i,
    input  logic [      15:0] rows_i,
    input  logic [      15:0] cols_i,
    input  logic [      31:0] row0_i,
    input  logic [      31:0] col0_i,
    input  logic [      31:0] i1_i,
    input  logic [      15:0] i2_i,
    input  logic              parity_i,      // of PARITY0
    input  logic              parity2_i,     // of level 2
    input  logic              first_i,
    output logic [      15:0] table_addr_o,
    input  logic [      31:0] table_data_i,
    input  logic [     159:0] stat_i,
    output logic              stat_we_o,
    output logic [     159:0] stat_o,
    // Random words
    output logic              key_start_o,
    output logic              key_sel_o,
    input  logic              key_done_i,
    output logic              draw_o,
    output logic              draw_sel_o,
    output logic [      31:0] draw_row_o,
    output logic [      31:0] draw_block_o,
    input  logic [bl_pkg::RANDOM16_BITS-1:0] word_i,
    // Memories
    output logic [  RowW-1:0] acc_row_o,
    output logic [GroupW-1:0] acc_group_o,
    input  logic [  V*48-1:0] acc_data_i,
    output logic [  VinW-1:0] vin_addr_o,
    input  logic [   V*32-1:0] vin_data_i,
    output logic              raw_we_o,
    output logic [  RawW-1:0] raw_addr_o,
    output logic [   V*32-1:0] raw_data_o
);

  // ---- What the running command needs, and what it makes
  logic [6:0] reads, tile_reads, update_reads, affine_reads, reduce_reads, pool_reads;
  logic [2:0] writes, tile_writes, update_writes, affine_writes, pool_writes;
  logic [3:0] stages;
  logic tile_draws, update_draws, affine_row_word, tile_push, update_push, affine_push, pool_push;
  logic [3*V*32-1:0] words, tile_words, update_words, affine_words, pool_words;
  logic [V*31-1:0] magnitude, tile_magnitude, affine_magnitude, pool_magnitude;
  logic [V-1:0] tile_code_saturated, raw_saturated, tile_raw_saturated, affine_saturated, pool_saturated;
  logic [15:0] index, group;
  logic [8*16-1:0] groups, indices;
  always_comb begin
    reads = tile_reads;
    writes = tile_writes;
    stages = 4'd4;
    words = tile_words;
    index = indices[4*16+:16];
    group = groups[4*16+:16];
    magnitude = tile_magnitude;
    raw_saturated = tile_raw_saturated;
    if (run_update_i) begin
      reads = update_reads;
      writes = update_writes;
      stages = 4'd7;
      words = update_words;
      index = indices[7*16+:16];
    end
    if (run_affine_i) begin
      reads = affine_reads;
      writes = affine_writes;
      stages = 4'd3;
      words = affine_words;
      index = indices[3*16+:16];
      group = groups[3*16+:16];
      magnitude = affine_magnitude;
      raw_saturated = affine_saturated;
    end
    if (run_reduce_i) begin
      reads = reduce_reads;
      writes = 3'd0;
      stages = 4'd3;
    end
    if (run_pool_i) begin
      reads = pool_reads;
      writes = pool_writes;
      stages = 4'd3;
      words = pool_words;
      index = indices[3*16+:16];
      magnitude = pool_magnitude;
      raw_saturated = pool_saturated;
    end
  end

  // REDUCE and POOL begin and end over i1 and i2.
  logic begins, ends;
  assign begins = i1_i == 32'd0 && i2_i == 16'd0;
  assign ends = i1_i + 32'd1 == cmd_i[bl_pkg::F_N1_LSB+:32] && i2_i + 16'd1 == cmd_i[bl_pkg::F_N2_LSB+:16];

  logic group_begins, group_answers, stream_done, reduce_writes, reduce_done;
  logic [5*32-1:0] entry;
  logic [7*V*32-1:0] operand;
  logic [V-1:0] keep;
  logic [15:0] group_row, group_number, unused_group_index;
  logic [7:1] valid;
  bl_stream u_stream (
      .clk_i,
      .rst_ni,
      .run_i(run_tile_i || run_update_i || run_affine_i || (run_reduce_i && !reduce_writes) || run_pool_i),
      .done_o(stream_done),
      .cmd_i,
      .rows_i,
      .row0_i,
      .col0_i,
      .parity_i,
      .first_i,
      .reads_i(reads),
      .row_word_i(run_affine_i && affine_row_word),
      .packed_i((run_tile_i || run_affine_i) && cmd_i[bl_pkg::F_MASK_PACKED_LSB]),
      .writes_i({1'b0, writes[0]} + {1'b0, writes[1]} + {1'b0, writes[2]}),
      .stages_i(stages),
      .draws8_i(run_tile_i && tile_draws),
      .draws16_i(run_update_i && update_draws),
      .table_addr_o,
      .table_data_i,
      .entry_o(entry),
      .key_start_o,
      .key_sel_o,
      .key_done_i,
      .draw_o,
      .draw_sel_o,
      .draw_row_o,
      .draw_block_o,
      .vin_addr_o,
      .vin_data_i,
      .operand_o(operand),
      .keep_o(keep),
      .begin_o(group_begins),
      .row_o(group_row),
      .group_o(group_number),
      .index_o(unused_group_index),
      .answer_o(group_answers),
      .valid_o(valid),
      .groups_o(groups),
      .indices_o(indices)
  );

  bl_tile u_tile (
      .clk_i,
      .rst_ni,
      .run_i(run_tile_i),
      .cmd_i,
      .cols_i,
      .col0_i,
      .reads_o(tile_reads),
      .writes_o(tile_writes),
      .draws_o(tile_draws),
      .entry_i(entry[63:0]),
      .begin_i(group_begins),
      .row_i(group_row),
      .group_i(group_number),
      .answer_i(group_answers),
      .operand_i(operand),
      .keep_i(keep),
      .valid_i(valid),
      .groups_i(groups),
      .indices_i(indices),
      .word_i(word_i[bl_pkg::RANDOM8_BITS-1:0]),
      .acc_row_o,
      .acc_group_o,
      .acc_data_i,
      .push_o(tile_push),
      .words_o(tile_words),
      .magnitude_o(tile_magnitude),
      .code_saturated_o(tile_code_saturated),
      .raw_saturated_o(tile_raw_saturated)
  );

  logic [159:0] update_stat;
  bl_update u_update (
      .clk_i,
      .rst_ni,
      .run_i(run_update_i),
      .cmd_i,
      .cols_i,
      .col0_i,
      .reads_o(update_reads),
      .writes_o(update_writes),
      .draws_o(update_draws),
      .entry_i(entry),
      .operand_i(operand),
      .valid_i(valid),
      .groups_i(groups),
      .word_i,
      .push_o(update_push),
      .words_o(update_words),
      .stat_i,
      .stat_o(update_stat)
  );

  bl_affine u_affine (
      .clk_i,
      .rst_ni,
      .run_i(run_affine_i),
      .cmd_i,
      .cols_i,
      .reads_o(affine_reads),
      .row_word_o(affine_row_word),
      .writes_o(affine_writes),
      .entry_i(entry[95:0]),
      .operand_i(operand),
      .keep_i(keep),
      .valid_i(valid),
      .groups_i(groups),
      .push_o(affine_push),
      .words_o(affine_words),
      .magnitude_o(affine_magnitude),
      .saturated_o(affine_saturated)
  );

  // ---- Sums of raw views (SUMS). With CROSS input 3 goes along with them to their stage: 4 of TILE, 3 of AFFINE.
  logic sums_push;
  logic [V*16-1:0] partner, partner2_q, partner3_q, partner4_q;
  assign sums_push = (tile_push || affine_push) && cmd_i[bl_pkg::F_SUMS_LSB];
  always_comb begin
    for (int k = 0; k < V; k++) partner[k*16+:16] = operand[3*V*32+k*32+:16];
  end
  always_ff @(posedge clk_i) {partner2_q, partner3_q, partner4_q} <= {partner, partner2_q, partner3_q};

  logic [RawW-1:0] reduce_raw, write_raw;
  logic [V*32-1:0] reduce_raw_data, write_raw_data;
  bl_reduce u_reduce (
      .clk_i,
      .rst_ni,
      .run_i(run_reduce_i),
      .done_o(reduce_done),
      .cmd_i,
      .cols_i,
      .begins_i(begins),
      .ends_i(ends),
      .parity2_i,
      .reads_o(reduce_reads),
      .stream_done_i(stream_done),
      .entry_i(entry[63:0]),
      .operand_i(operand),
      .valid_i(valid),
      .groups_i(groups),
      .indices_i(indices),
      .raw_valid_i(sums_push),
      .raw_i(words[V*32-1:0]),
      .partner_i(run_affine_i ? partner3_q : partner4_q),
      .raw_group_i(group),
      .raw_index_i(index),
      .col0_i,
      .first_row_i(i1_i == 32'd0),
      .first_i,
      .writes_o(reduce_writes),
      .raw_addr_o(reduce_raw),
      .raw_data_o(reduce_raw_data)
  );
  assign done_o = (stream_done && !(run_reduce_i && ends)) || reduce_done;

  bl_pool u_pool (
      .clk_i,
      .run_i(run_pool_i),
      .cmd_i,
      .cols_i,
      .i1_i,
      .i2_i,
      .begins_i(begins),
      .ends_i(ends),
      .reads_o(pool_reads),
      .writes_o(pool_writes),
      .operand_i(operand),
      .valid_i(valid),
      .groups_i(groups),
      .indices_i(indices),
      .push_o(pool_push),
      .words_o(pool_words),
      .magnitude_o(pool_magnitude),
      .saturated_o(pool_saturated)
  );

  // ---- Results and statistics
  logic pushes, write_we;
  logic [95:0] tallied;
  assign pushes = tile_push || update_push || affine_push || pool_push;
  bl_write u_write (
      .clk_i,
      .rst_ni,
      .push_i(pushes),
      .enable_i(writes),
      .words_i(words),
      .index_i(index),
      .stride_i(cmd_i[bl_pkg::F_VIN_STRIDE_LSB+:16]),
      .parity_i(run_pool_i ? parity2_i : parity_i),
      .we_o(write_we),
      .addr_o(write_raw),
      .data_o(write_raw_data)
  );
  assign raw_we_o = write_we || reduce_writes;
  assign raw_addr_o = reduce_writes ? reduce_raw : write_raw;
  assign raw_data_o = reduce_writes ? reduce_raw_data : write_raw_data;
  bl_tally u_tally (
      .stat_i(stat_i[95:0]),
      .magnitude_i(magnitude),
      .code_saturated_i(run_tile_i ? tile_code_saturated : '0),
      .raw_saturated_i(raw_saturated),
      .stat_o(tallied)
  );
  assign stat_we_o = pushes;
  assign stat_o = run_update_i ? update_stat : {64'd0, tallied};

endmodule
