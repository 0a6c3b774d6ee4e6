// Streams the groups (words of LANES elements) of a tile through a pipeline: reads the table entries and the words of VIN that a command
// needs, asks for its random words, and says when its last result has been written.
//
// A group takes `period` cycles: as many as it has words to read or to write, at least 1, with 7 stages 3. Coefficient vectors are read with the first
// row of each column of groups, with COEF_SCALAR with the first group only, and stay. A word of a packed mask is read with the first group that it has
// bits of, and stays. Word k of the group that begins in cycle t is addressed in
// cycle t + k and kept in operand_o from cycle t + k + 2 on, until the next one for its place arrives. Stage 1 of the group is cycle t + period + 1:
// all its words are there, and word k stays there up to stage k + 1. Stage 1 and the later ones follow cycle by cycle. Random words of 8 bits arrive
// in stage 3; those of 16 bits in stage 4 (key 0) and stage 6 (key 1).
module bl_stream #(
    parameter int V = bl_pkg::LANES,
    parameter int VinW = bl_pkg::VIN_WORDS > 1 ? $clog2(bl_pkg::VIN_WORDS) : 1
) (
    input  logic             clk_i,
    input  logic             rst_ni,
    input  logic             run_i,         // from the first cycle until the cycle of done_o
    output logic             done_o,
    input  logic [    511:0] cmd_i,
    input  logic [     15:0] rows_i,
    input  logic [     31:0] row0_i,
    input  logic [     31:0] col0_i,
    input  logic             parity_i,
    input  logic             first_i,
    // What the command needs: its reads are full-tile inputs (bits 3..0) and coefficient vectors (bits 6..4), from the lowest bit up
    input  logic [      6:0] reads_i,
    input  logic             row_word_i,    // input 1 has one value a row, in lane 0 of the row's word
    input  logic             packed_i,      // the mask, input 2, has a bit an element
    input  logic [      1:0] writes_i,      // words of a group that it writes
    input  logic [      3:0] stages_i,      // the stage in which its results are complete; the first is written in the next cycle
    input  logic             draws8_i,
    input  logic             draws16_i,
    // Table entries RATIO, LIMIT, ADDEND, RATIO_W, ADDEND + 1: read one a cycle from the first on, so the first three are there in the earliest stage 1,
    // and all five in that of a period of 3
    output logic [     15:0] table_addr_o,
    input  logic [     31:0] table_data_i,
    output logic [  5*32-1:0] entry_o,
    // Random words
    output logic             key_start_o,
    output logic             key_sel_o,
    input  logic             key_done_i,
    output logic             draw_o,
    output logic             draw_sel_o,
    output logic [     31:0] draw_row_o,
    output logic [     31:0] draw_block_o,
    // VIN
    output logic [ VinW-1:0] vin_addr_o,
    input  logic [  V*32-1:0] vin_data_i,
    output logic [7*V*32-1:0] operand_o,    // by bit of reads_i
    output logic [     V-1:0] keep_o,       // what the mask says of stage 1
    // A group begins; in the next cycle memories that were addressed now answer
    output logic             begin_o,
    output logic [     15:0] row_o,
    output logic [     15:0] group_o,
    output logic [     15:0] index_o,       // row * groups + group
    output logic             answer_o,
    // The pipeline: stage k in bit k and field k
    output logic [      7:1] valid_o,
    output logic [  8*16-1:0] groups_o,
    output logic [  8*16-1:0] indices_o
);

  localparam int LogV = $clog2(V);
  localparam int Mask = 2;  // its bit of reads_i

  // ---- The command
  logic [15:0] cols, groups, stride, vin_base;
  logic draws;
  assign cols = cmd_i[bl_pkg::F_COLS_LSB+:16];
  assign groups = 16'(({1'b0, cols} + 17'(V - 1)) >> LogV);
  assign stride = cmd_i[bl_pkg::F_VIN_STRIDE_LSB+:16];
  assign vin_base = cmd_i[bl_pkg::F_VIN_BASE_LSB+:16];
  assign draws = draws8_i || draws16_i;

  logic coef_scalar;
  logic [2:0] full_count, vector_count, least, draw_reads, draw_last_phase, data_reads, data_last_phase;
  logic [15:0] draw_row, draw_group, draw_index;
  logic packed_mask, draw_has_q, data_has_q, draw_skips, data_skips;  // the mask's word is there already
  logic [10:0] draw_mask_q, data_mask_q;  // the word's number
  logic [2:0] draw_full, data_full;
  assign coef_scalar = cmd_i[bl_pkg::F_COEF_SCALAR_LSB];
  always_comb begin
    full_count = {2'd0, reads_i[0]} + {2'd0, reads_i[1]} + {2'd0, reads_i[2]} + {2'd0, reads_i[3]};
    vector_count = {2'd0, reads_i[4]} + {2'd0, reads_i[5]} + {2'd0, reads_i[6]};
    least = (stages_i == 4'd7) ? 3'd3 : 3'd1;  // the lanes of UPDATE
    if ({1'b0, writes_i} > least) least = {1'b0, writes_i};
    draw_full = full_count - {2'd0, draw_skips};
    draw_reads = draw_full;
    if (draw_row == 16'd0 && (draw_group == 16'd0 || !coef_scalar)) draw_reads = draw_full + vector_count;
    data_full = full_count - {2'd0, data_skips};
    data_reads = data_full;
    if (row_o == 16'd0 && (group_o == 16'd0 || !coef_scalar)) data_reads = data_full + vector_count;
    draw_last_phase = ((draw_reads > least) ? draw_reads : least) - 3'd1;
    data_last_phase = ((data_reads > least) ? data_reads : least) - 3'd1;
  end

  assign packed_mask = packed_i && reads_i[Mask];
  assign draw_skips = packed_mask && draw_has_q && draw_mask_q == draw_index[15:5];
  assign data_skips = packed_mask && data_has_q && data_mask_q == index_o[15:5];

  // ---- Order of an execution
  typedef enum logic [2:0] {Idle, Key, SecondKey, Lead, Run, Drain} state_e;
  state_e state_q, state_d;
  logic [3:0] count_q, count_d, lead, drain;
  logic draw_start, data_start, draw_active, data_active, data_last, unused_draw_last;
  logic [2:0] draw_phase_q, phase_q;
  // Words take 14 cycles from their draw to their stage.
  assign lead = draws16_i ? 4'd7 : 4'd10;
  assign drain = stages_i + {2'd0, writes_i};

  always_comb begin
    state_d = state_q;
    count_d = count_q + 4'd1;
    key_start_o = 1'b0;
    key_sel_o = 1'b0;
    draw_start = 1'b0;
    data_start = 1'b0;
    done_o = 1'b0;
    case (state_q)
      Idle: if (run_i) begin
        state_d = (draws && first_i) ? Key : (draws ? Lead : Run);
        key_start_o = draws && first_i;
        data_start = !draws;
      end
      Key: if (key_done_i) begin
        state_d = draws16_i ? SecondKey : Lead;
        key_start_o = draws16_i;
        key_sel_o = draws16_i;
      end
      SecondKey: begin
        key_sel_o = 1'b1;
        if (key_done_i) state_d = Lead;
      end
      Lead: if (count_q == lead - 4'd1) begin
        state_d = Run;
        data_start = 1'b1;
      end
      Run: if (data_last && phase_q == data_last_phase) state_d = Drain;
      Drain: if (count_q == drain) begin
        state_d = Idle;
        done_o = 1'b1;
      end
      default: state_d = Idle;
    endcase
    if (state_d != state_q) count_d = 4'd0;
    draw_start = state_d == Lead && state_q != Lead;
  end

  logic [2:0] entries_q;  // table entries that were read
  always_comb begin
    case (entries_q)
      3'd0: table_addr_o = cmd_i[bl_pkg::F_RATIO_LSB+:16];
      3'd1: table_addr_o = cmd_i[bl_pkg::F_LIMIT_LSB+:16];
      3'd2: table_addr_o = cmd_i[bl_pkg::F_ADDEND_LSB+:16];
      3'd3: table_addr_o = cmd_i[bl_pkg::F_RATIO_W_LSB+:16];
      default: table_addr_o = cmd_i[bl_pkg::F_ADDEND_LSB+:16] + 16'd1;
    endcase
  end

  logic [5*32-1:0] entry_q;
  assign entry_o = entry_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q <= Idle;
      count_q <= 4'd0;
      entries_q <= 3'd0;
      entry_q <= '0;
      draw_phase_q <= 3'd0;
      phase_q <= 3'd0;
      draw_has_q <= 1'b0;
      data_has_q <= 1'b0;
    end else begin
      state_q <= state_d;
      count_q <= count_d;
      if (done_o) entries_q <= 3'd0;
      else if (run_i && entries_q != 3'd5) begin
        entries_q <= entries_q + 3'd1;
        entry_q[32'(entries_q)*32+:32] <= table_data_i;
      end
      draw_phase_q <= (!draw_active || draw_phase_q == draw_last_phase) ? 3'd0 : draw_phase_q + 3'd1;
      phase_q <= (!data_active || phase_q == data_last_phase) ? 3'd0 : phase_q + 3'd1;
      data_has_q <= data_active && (data_has_q || phase_q == data_last_phase);
      draw_has_q <= draw_active && (draw_has_q || draw_phase_q == draw_last_phase);
    end
  end

  bl_walk u_draw (
      .clk_i,
      .rst_ni,
      .start_i(draw_start),
      .step_i(draw_phase_q == draw_last_phase),
      .rows_i,
      .groups_i(groups),
      .active_o(draw_active),
      .last_o(unused_draw_last),
      .row_o(draw_row),
      .group_o(draw_group),
      .index_o(draw_index)
  );
  assign draw_sel_o = draws16_i && draw_phase_q == draw_last_phase;
  assign draw_o = draw_active && (draw_phase_q == draw_last_phase || (draws16_i && draw_phase_q + 3'd2 == draw_last_phase));
  assign draw_row_o = row0_i + {16'd0, draw_row};
  assign draw_block_o = (col0_i + ({16'd0, draw_group} << LogV)) >> (draws16_i ? 2 : 3);

  bl_walk u_data (
      .clk_i,
      .rst_ni,
      .start_i(data_start),
      .step_i(phase_q == data_last_phase),
      .rows_i,
      .groups_i(groups),
      .active_o(data_active),
      .last_o(data_last),
      .row_o,
      .group_o,
      .index_o
  );
  assign begin_o = data_active && phase_q == 3'd0;

  always_ff @(posedge clk_i) begin
    if (draw_phase_q == draw_last_phase) draw_mask_q <= draw_index[15:5];
    if (phase_q == data_last_phase) data_mask_q <= index_o[15:5];
  end

  // ---- Reads
  logic [2:0] slot, rank, section, place, coefficient;
  logic reads;
  logic [15:0] address;
  always_comb begin
    slot = 3'd0;
    rank = 3'd0;     // among what is read now
    place = 3'd0;    // among all sections
    section = 3'd0;
    for (int k = 0; k < 7; k++) begin
      if (reads_i[k]) begin
        if (rank == phase_q && !(data_skips && k == Mask)) begin
          slot = 3'(k);
          section = place;
        end
        if (!(data_skips && k == Mask)) rank = rank + 3'd1;
        place = place + 3'd1;
      end
    end
  end
  assign reads = data_active && phase_q < data_reads;
  assign coefficient = phase_q - data_full;
  always_comb begin
    if (phase_q < data_full) begin
      address = 16'({12'd0, section, parity_i} * stride);
      if (row_word_i && slot == 3'd1) address = address + row_o;
      else if (packed_i && slot == 3'(Mask)) address = address + (index_o >> 5);
      else address = address + index_o;
    end else begin
      address = 16'({12'd0, full_count, 1'b0} * stride) + 16'({12'd0, coefficient, parity_i} * groups) +
          (coef_scalar ? 16'd0 : group_o);
    end
    address = address + vin_base;
  end
  assign vin_addr_o = address[VinW-1:0];

  logic arrives_q, answer_q;
  logic [2:0] slot_q;
  logic [V*32-1:0] word;
  logic [7*V*32-1:0] operand_q;
  assign word = ((row_word_i && slot_q == 3'd1) || (coef_scalar && slot_q >= 3'd4)) ? {V{vin_data_i[31:0]}} : vin_data_i;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      arrives_q <= 1'b0;
      answer_q <= 1'b0;
      slot_q <= 3'd0;
      operand_q <= '0;
    end else begin
      arrives_q <= reads;
      answer_q <= begin_o;
      slot_q <= slot;
      for (int k = 0; k < 7; k++) begin
        if (arrives_q && slot_q == 3'(k)) operand_q[k*V*32+:V*32] <= word;
      end
    end
  end
  assign operand_o = operand_q;
  assign answer_o = answer_q;

  // ---- The stages
  logic [7:0] valid_q;
  logic [8*16-1:0] groups_q, indices_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      valid_q <= 8'd0;
      groups_q <= '0;
      indices_q <= '0;
    end else begin
      // Stages that this command does not have must not be the next one's.
      valid_q <= done_o ? 8'd0 : {valid_q[6:0], data_active && phase_q == data_last_phase};
      groups_q <= {groups_q[7*16-1:0], group_o};
      indices_q <= {indices_q[7*16-1:0], index_o};
    end
  end
  assign valid_o = valid_q[7:1];
  assign groups_o = groups_q;
  assign indices_o = indices_q;
  always_comb begin
    keep_o = operand_q[Mask*V*32+32'(indices_q[16+:5])*V+:V];
    for (int k = 0; k < V; k++) begin
      if (!packed_i) keep_o[k] = operand_q[Mask*V*32+k*32+:32] != 32'd0;
    end
  end

  logic unused_bits;
  assign unused_bits = ^{cmd_i, address, draw_index};

endmodule
