// The vector queue's engine: runs its commands one at a time. It holds the table T, the random streams and the statistics; the commands' units
// share them. docs/timing_vector.md gives the cycles of every command.
//
// Memories: reads (ACC, VIN) answer one cycle after their address, writes need no answer. Addresses are words.
module bl_vector #(
    parameter int V = bl_pkg::LANES,
    parameter int Groups = (bl_pkg::COLS + V - 1) / V,
    parameter int RowW = bl_pkg::ROWS > 1 ? $clog2(bl_pkg::ROWS) : 1,
    parameter int GroupW = Groups > 1 ? $clog2(Groups) : 1,
    parameter int VinW = bl_pkg::VIN_WORDS > 1 ? $clog2(bl_pkg::VIN_WORDS) : 1,
    parameter int RawW = bl_pkg::VOUT_WORDS > 1 ? $clog2(bl_pkg::VOUT_WORDS) : 1
) (
    input  logic              clk_i,
    input  logic              rst_ni,
    // Registers; start_i pulses when a new program starts
    input  logic              start_i,
    input  logic [      63:0] seed_i,
    input  logic [      31:0] step_i,
    input  logic [      31:0] lr_i,
    // The execution: held until the cycle of exec_done_o
    input  logic              exec_valid_i,
    input  logic [     511:0] exec_cmd_i,
    input  logic [      63:0] exec_addr_i,
    input  logic [      15:0] exec_rows_i,
    input  logic [      15:0] exec_cols_i,
    input  logic [      31:0] exec_row0_i,
    input  logic [      31:0] exec_col0_i,
    input  logic [      15:0] exec_i0_i,
    input  logic [      31:0] exec_i1_i,
    input  logic [      15:0] exec_i2_i,
    input  logic [       3:0] exec_par_i,
    input  logic              exec_first_i,
    input  logic              exec_last_i,
    output logic              exec_done_o,
    // Accumulators: V of 48 bits, of one row, from column group * V
    output logic [       7:0] acc_tile_o,
    output logic [  RowW-1:0] acc_row_o,
    output logic [GroupW-1:0] acc_group_o,
    input  logic [  V*48-1:0] acc_data_i,
    // VIN
    output logic [  VinW-1:0] vin_addr_o,
    input  logic [   V*32-1:0] vin_data_i,
    // VOUT
    output logic              raw_we_o,
    output logic [  RawW-1:0] raw_addr_o,
    output logic [   V*32-1:0] raw_data_o
);

  // ---- The execution
  logic [7:0] opcode;
  logic [1:0] slot;
  logic [2:0] stat_slot;
  logic [15:0] stat;
  logic parity, begins, busy_q, unit_done, keeps_stats, has_stats;
  logic is_tile, is_update, is_loss, is_scalar, is_load, is_store, is_affine, is_reduce, is_pool, is_adam;
  logic is_stream, is_other, stats_save, stats_saving, stats_saved;
  assign opcode = exec_cmd_i[bl_pkg::F_OPCODE_LSB+:8];
  assign slot = exec_cmd_i[bl_pkg::F_INDEX_LSB+:2];
  // TILE, AFFINE and POOL may name the slot behind those of a group; in other commands this bit is 0.
  assign stat_slot = exec_cmd_i[bl_pkg::F_STAT_SLOT_LSB] ? 3'd4 : {1'b0, slot};
  assign stat = exec_cmd_i[bl_pkg::F_STAT_LSB+:16];
  assign parity = exec_par_i[exec_cmd_i[bl_pkg::F_PARITY0_LSB+:2]];
  logic unused_exec;
  assign unused_exec = ^{exec_cmd_i, exec_addr_i, exec_i0_i};

  logic run;
  assign run = exec_valid_i && !stats_saving;
  assign is_tile = run && opcode == bl_pkg::OP_TILE;
  assign is_update = run && opcode == bl_pkg::OP_UPDATE;
  assign is_loss = run && opcode == bl_pkg::OP_LOSS;
  assign is_scalar = run && opcode == bl_pkg::OP_SCALAR;
  assign is_load = run && opcode == bl_pkg::OP_TABLE_LOAD;
  assign is_store = run && opcode == bl_pkg::OP_TABLE_STORE;
  assign is_affine = run && opcode == bl_pkg::OP_AFFINE;
  assign is_reduce = run && opcode == bl_pkg::OP_REDUCE;
  assign is_pool = run && opcode == bl_pkg::OP_POOL;
  assign is_adam = run && opcode == bl_pkg::OP_ADAM;
  assign is_stream = is_tile || is_update || is_affine || is_reduce || is_pool;
  assign is_other = run && !(is_stream || is_loss || is_scalar || is_load || is_store || is_adam);

  logic stream_done, words_done, scalar_done;
  assign unit_done = stream_done || words_done || scalar_done || is_other;
  assign has_stats = opcode == bl_pkg::OP_TILE || opcode == bl_pkg::OP_UPDATE || opcode == bl_pkg::OP_LOSS ||
      opcode == bl_pkg::OP_AFFINE || opcode == bl_pkg::OP_POOL ||
      (opcode == bl_pkg::OP_ADAM && exec_cmd_i[bl_pkg::F_FLAGS_LSB+bl_pkg::FLAG_CODES_OUT]);
  assign keeps_stats = has_stats && stat != 16'd0;
  assign stats_save = unit_done && keeps_stats && exec_last_i;
  assign exec_done_o = (unit_done && !stats_save) || stats_saved;

  // With ACC_ALL the executions of a TILE take one tile of accumulators after the other.
  logic [7:0] tile_q;
  assign acc_tile_o = exec_cmd_i[bl_pkg::F_ACC_ALL_LSB] ? tile_q : {7'd0, parity};
  always_ff @(posedge clk_i) begin
    if (!rst_ni || start_i) tile_q <= 8'd0;
    else if (exec_done_o) tile_q <= exec_last_i ? 8'd0 : tile_q + 8'd1;
  end
  assign begins = exec_valid_i && !busy_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) busy_q <= 1'b0;
    else busy_q <= exec_valid_i && !exec_done_o;
  end

  // ---- Table
  logic [15:0] table_raddr, table_waddr, stream_taddr, scalar_taddr, words_taddr;
  logic [15:0] scalar_twaddr, words_twaddr, stats_twaddr;
  logic [31:0] table_rdata, table_wdata, scalar_twdata, words_twdata, stats_twdata;
  logic table_we, scalar_twe, words_twe;
  always_comb begin
    table_raddr = words_taddr;
    if (is_stream) table_raddr = stream_taddr;
    if (is_scalar) table_raddr = scalar_taddr;
    table_we = stats_saving;
    table_waddr = stats_twaddr;
    table_wdata = stats_twdata;
    if (is_scalar) begin
      table_we = scalar_twe;
      table_waddr = scalar_twaddr;
      table_wdata = scalar_twdata;
    end
    if (is_load) begin
      table_we = words_twe;
      table_waddr = words_twaddr;
      table_wdata = words_twdata;
    end
  end
  bl_table u_table (
      .clk_i,
      .clear_i(start_i),
      .we_i(table_we),
      .waddr_i(table_waddr),
      .wdata_i(table_wdata),
      .raddr_i(table_raddr),
      .rdata_o(table_rdata),
      .lr_i
  );

  // ---- Statistics
  logic [159:0] stats_now, stream_stat;
  logic [95:0] words_stat;
  logic [2:0] stats_count;
  logic stream_stat_we, words_stat_we;
  always_comb begin
    stats_count = 3'd3;
    if (opcode == bl_pkg::OP_LOSS) stats_count = 3'd2;
    if (opcode == bl_pkg::OP_UPDATE && exec_cmd_i[bl_pkg::F_FLAGS_LSB+bl_pkg::FLAG_LWQ]) stats_count = 3'd5;
  end
  bl_stats u_stats (
      .clk_i, .rst_ni,
      .slot_i(stat_slot),
      .clear_i(begins && has_stats && exec_first_i && !exec_cmd_i[bl_pkg::F_STAT_KEEP_LSB]),
      .we_i(stream_stat_we || words_stat_we),
      .wdata_i(is_stream ? stream_stat : {64'd0, words_stat}),
      .now_o(stats_now),
      .save_i(stats_save),
      .count_i(stats_count),
      .stat_i(stat),
      .saving_o(stats_saving),
      .saved_o(stats_saved),
      .addr_o(stats_twaddr),
      .data_o(stats_twdata)
  );

  // ---- Random words
  logic stream_key_start, key_sel, key_done, scalar_key_start, stream_draw, draw_sel, scalar_draw, adam_key_start, adam_draw;
  logic [31:0] draw_row, draw_block, scalar_draw_block, key_address, scalar_key_address, adam_row, adam_block;
  logic [bl_pkg::RANDOM16_BITS-1:0] word;
  logic [7:0] use_number;
  always_comb begin
    use_number = exec_cmd_i[bl_pkg::F_USE_LSB+:8];
    if (is_update || is_adam) use_number = (is_adam || key_sel) ? 8'd3 : 8'd2;
    key_address = {exec_cmd_i[bl_pkg::F_TENSOR_LSB+:16], use_number, exec_cmd_i[bl_pkg::F_SAMPLE_LSB+:8]};
    if (is_scalar) key_address = scalar_key_address;
  end
  bl_random u_random (
      .clk_i, .rst_ni,
      .seed_i,
      .step_i,
      .slot_i(slot),
      .key_start_i(stream_key_start || scalar_key_start || adam_key_start),
      .key_sel_i(is_stream && key_sel),
      .key_address_i(key_address),
      .key_done_o(key_done),
      .valid_i(stream_draw || scalar_draw || adam_draw),
      .whole_i(is_update || is_adam),
      .sel_i(is_stream && draw_sel),
      .row_i(is_scalar ? 32'd0 : (is_adam ? adam_row : draw_row)),
      .block_i(is_scalar ? scalar_draw_block : (is_adam ? adam_block : draw_block)),
      .word_o(word)
  );

  // ---- Divider
  logic scalar_div_start, loss_div_start, div_done, div_inexact;
  logic [31:0] scalar_div_first, loss_div_first, scalar_div_divisor, loss_div_divisor;
  logic [47:0] scalar_div_bits, loss_div_bits, div_quotient;
  logic [5:0] scalar_div_steps, loss_div_steps;
  bl_divider u_divider (
      .clk_i, .rst_ni,
      .start_i(scalar_div_start || loss_div_start),
      .first_i(is_loss ? loss_div_first : scalar_div_first),
      .bits_i(is_loss ? loss_div_bits : scalar_div_bits),
      .divisor_i(is_loss ? loss_div_divisor : scalar_div_divisor),
      .steps_i(is_loss ? loss_div_steps : scalar_div_steps),
      .done_o(div_done),
      .quotient_o(div_quotient),
      .inexact_o(div_inexact)
  );

  // ---- The units
  logic [VinW-1:0] stream_vin, words_vin;
  logic [RawW-1:0] stream_raw, words_raw;
  logic [V*32-1:0] stream_raw_data, words_raw_data;
  logic stream_raw_we, words_raw_we;

  bl_streams u_streams (
      .clk_i, .rst_ni,
      .run_tile_i(is_tile),
      .run_update_i(is_update),
      .run_affine_i(is_affine),
      .run_reduce_i(is_reduce),
      .run_pool_i(is_pool),
      .done_o(stream_done),
      .cmd_i(exec_cmd_i),
      .rows_i(exec_rows_i),
      .cols_i(exec_cols_i),
      .row0_i(exec_row0_i),
      .col0_i(exec_col0_i),
      .i1_i(exec_i1_i),
      .i2_i(exec_i2_i),
      .parity_i(parity),
      .parity2_i(exec_par_i[2]),
      .first_i(exec_first_i),
      .table_addr_o(stream_taddr),
      .table_data_i(table_rdata),
      .stat_i(stats_now),
      .stat_we_o(stream_stat_we),
      .stat_o(stream_stat),
      .key_start_o(stream_key_start),
      .key_sel_o(key_sel),
      .key_done_i(key_done),
      .draw_o(stream_draw),
      .draw_sel_o(draw_sel),
      .draw_row_o(draw_row),
      .draw_block_o(draw_block),
      .word_i(word),
      .acc_row_o,
      .acc_group_o,
      .acc_data_i,
      .vin_addr_o(stream_vin),
      .vin_data_i,
      .raw_we_o(stream_raw_we),
      .raw_addr_o(stream_raw),
      .raw_data_o(stream_raw_data)
  );

  bl_scalar u_scalar (
      .clk_i, .rst_ni,
      .run_i(is_scalar),
      .done_o(scalar_done),
      .cmd_i(exec_cmd_i),
      .table_addr_o(scalar_taddr),
      .table_data_i(table_rdata),
      .table_we_o(scalar_twe),
      .table_waddr_o(scalar_twaddr),
      .table_wdata_o(scalar_twdata),
      .div_start_o(scalar_div_start),
      .div_first_o(scalar_div_first),
      .div_bits_o(scalar_div_bits),
      .div_divisor_o(scalar_div_divisor),
      .div_steps_o(scalar_div_steps),
      .div_done_i(div_done),
      .div_quotient_i(div_quotient),
      .div_inexact_i(div_inexact),
      .key_start_o(scalar_key_start),
      .key_address_o(scalar_key_address),
      .key_done_i(key_done),
      .draw_o(scalar_draw),
      .draw_block_o(scalar_draw_block),
      .word_i(word[63:0])
  );

  bl_words u_words (
      .clk_i, .rst_ni,
      .run_loss_i(is_loss),
      .run_adam_i(is_adam),
      .run_load_i(is_load),
      .run_store_i(is_store),
      .done_o(words_done),
      .cmd_i(exec_cmd_i),
      .rows_i(exec_rows_i),
      .cols_i(exec_cols_i),
      .row0_i(exec_row0_i),
      .col0_i(exec_col0_i),
      .first_i(exec_first_i),
      .parity_i(parity),
      .table_addr_o(words_taddr),
      .table_data_i(table_rdata),
      .table_we_o(words_twe),
      .table_waddr_o(words_twaddr),
      .table_wdata_o(words_twdata),
      .stat_i(stats_now[95:0]),
      .stat_we_o(words_stat_we),
      .stat_o(words_stat),
      .div_start_o(loss_div_start),
      .div_first_o(loss_div_first),
      .div_bits_o(loss_div_bits),
      .div_divisor_o(loss_div_divisor),
      .div_steps_o(loss_div_steps),
      .div_done_i(div_done),
      .div_quotient_i(div_quotient),
      .key_start_o(adam_key_start),
      .key_done_i(key_done),
      .draw_o(adam_draw),
      .draw_row_o(adam_row),
      .draw_block_o(adam_block),
      .word_i(word),
      .vin_addr_o(words_vin),
      .vin_data_i,
      .raw_we_o(words_raw_we),
      .raw_addr_o(words_raw),
      .raw_data_o(words_raw_data)
  );

  // ---- VIN and VOUT are the running unit's.
  assign vin_addr_o = is_stream ? stream_vin : words_vin;
  assign raw_we_o = stream_raw_we || words_raw_we;
  assign raw_addr_o = is_stream ? stream_raw : words_raw;
  assign raw_data_o = is_stream ? stream_raw_data : words_raw_data;

endmodule
