// The drain pipeline: the command TILE (docs/commands.md). One group of LANES elements enters a cycle:
//   stage 0  addresses of ACC, VIN (source or mask) and VBIAS
//   stage 1  their data; bias added, mask applied
//   stage 2  mask bit, ReLU, raw view
//   stage 3  raw view and mask written, requantization with the random word that was asked for 14 cycles ago
//   stage 4  codes to P1 and the transpose buffer, or bias to VBIAS; statistics
// and after the last group the transpose buffer is written to P2, one column a cycle.
module bl_tile #(
    parameter int V = bl_pkg::LANES,
    parameter int W = bl_pkg::AXI_BYTES,
    parameter int Groups = (bl_pkg::COLS + V - 1) / V,
    parameter int RowW = bl_pkg::ROWS > 1 ? $clog2(bl_pkg::ROWS) : 1,
    parameter int GroupW = Groups > 1 ? $clog2(Groups) : 1,
    parameter int VinW = bl_pkg::VIN_WORDS > 1 ? $clog2(bl_pkg::VIN_WORDS) : 1,
    parameter int RawW = bl_pkg::VOUT_WORDS > 1 ? $clog2(bl_pkg::VOUT_WORDS) : 1,
    parameter int P1W = $clog2(2 * bl_pkg::ROWS),
    parameter int P2W = $clog2(2 * bl_pkg::COLS),
    parameter int MaskW = $clog2(2 * bl_pkg::MASK_WORDS)
) (
    input  logic                clk_i,
    input  logic                rst_ni,
    // The execution: run_i from its first cycle until the cycle of done_o.
    input  logic                run_i,
    output logic                done_o,
    input  logic [       511:0] cmd_i,
    input  logic [        15:0] rows_i,
    input  logic [        15:0] cols_i,
    input  logic [        31:0] row0_i,
    input  logic [        31:0] col0_i,
    input  logic                parity_i,
    input  logic                first_i,
    // Table, statistics
    output logic [        11:0] table_addr_o,
    input  logic [        31:0] table_data_i,
    input  logic [        95:0] stat_i,
    output logic                stat_we_o,
    output logic [        95:0] stat_o,
    // Random words
    output logic                key_start_o,
    input  logic                key_done_i,
    output logic                draw_o,
    output logic [        31:0] draw_row_o,
    output logic [        31:0] draw_block_o,
    input  logic [        63:0] word_i,
    // Memories
    output logic                acc_buf_o,
    output logic [    RowW-1:0] acc_row_o,
    output logic [  GroupW-1:0] acc_group_o,
    input  logic [    V*48-1:0] acc_data_i,
    output logic [    VinW-1:0] vin_addr_o,
    input  logic [     W*8-1:0] vin_data_i,
    output logic                raw_we_o,
    output logic [    RawW-1:0] raw_addr_o,
    output logic [     W*8-1:0] raw_data_o,
    output logic [       W-1:0] p1_be_o,
    output logic [     P1W-1:0] p1_addr_o,
    output logic [     W*8-1:0] p1_data_o,
    output logic [       W-1:0] p2_be_o,
    output logic [     P2W-1:0] p2_addr_o,
    output logic [     W*8-1:0] p2_data_o,
    output logic [       W-1:0] mask_be_o,
    output logic [   MaskW-1:0] mask_addr_o,
    output logic [     W*8-1:0] mask_data_o
);

  localparam int LogV = $clog2(V);
  localparam int LogW = $clog2(W);
  localparam int BiasW = bl_pkg::VBIAS_WORDS > 1 ? $clog2(bl_pkg::VBIAS_WORDS) : 1;
  localparam int ColW = $clog2(Groups * V);
  localparam logic [15:0] LeadCycles = 16'd11;   // the draw is 14 cycles before stage 3
  localparam logic [15:0] DrainCycles = 16'd4;   // stages 1 to 4 of the last group

  // ---- The command
  logic [bl_pkg::F_FLAGS_W-1:0] flags;
  logic [15:0] cols, groups, vin_base, raw_base;
  logic [1:0] rounding;
  logic from_vin, add_bias, relu, mask_in, mask_out, raw_out, codes_out, bias_out, bits4, draws;
  assign flags = cmd_i[bl_pkg::F_FLAGS_LSB+:bl_pkg::F_FLAGS_W];
  assign from_vin = flags[bl_pkg::FLAG_FROM_VIN];
  assign add_bias = flags[bl_pkg::FLAG_ADD_BIAS];
  assign relu = flags[bl_pkg::FLAG_RELU];
  assign mask_in = flags[bl_pkg::FLAG_MASK_IN];
  assign mask_out = flags[bl_pkg::FLAG_MASK_OUT];
  assign raw_out = flags[bl_pkg::FLAG_RAW_OUT];
  assign codes_out = flags[bl_pkg::FLAG_CODES_OUT];
  assign bias_out = flags[bl_pkg::FLAG_BIAS_OUT];
  assign bits4 = cmd_i[bl_pkg::F_BITS4_LSB];
  assign rounding = bias_out ? bl_pkg::ROUND_HALF_UP : cmd_i[bl_pkg::F_ROUNDING_LSB+:2];
  assign draws = codes_out && rounding == bl_pkg::ROUND_STOCHASTIC;
  assign cols = cmd_i[bl_pkg::F_COLS_LSB+:16];
  assign groups = 16'(({1'b0, cols} + 17'(V - 1)) >> LogV);
  assign raw_base = parity_i ? cmd_i[bl_pkg::F_VIN_STRIDE_LSB+:16] : 16'd0;
  assign vin_base = cmd_i[bl_pkg::F_VIN_BASE_LSB+:16] + raw_base;
  assign table_addr_o = cmd_i[bl_pkg::F_RATIO_LSB+:12];

  logic [30:0] limit;
  always_comb begin
    if (bias_out) limit = 31'h7fff_ffff;
    else limit = bits4 ? 31'd7 : 31'd127;
  end

  logic unused_bits;
  assign unused_bits = ^{cmd_i, flags, col0_i, table_data_i};

  // ---- Order of an execution
  typedef enum logic [2:0] {Idle, Key, Lead, Run, Drain, Emit} state_e;
  state_e state_q, state_d;
  logic [15:0] count_q, count_d;
  logic [21:0] ratio_q;
  logic draw_start, data_start, draw_active, data_active, data_last, unused_draw_last;
  logic [15:0] draw_row, draw_group, unused_draw_index, row0, group0, index0;

  always_comb begin
    state_d = state_q;
    count_d = count_q + 16'd1;
    key_start_o = 1'b0;
    draw_start = 1'b0;
    data_start = 1'b0;
    done_o = 1'b0;
    case (state_q)
      Idle: begin
        count_d = 16'd0;
        if (run_i) begin
          if (draws && first_i) begin
            state_d = Key;
            key_start_o = 1'b1;
          end else if (draws) begin
            state_d = Lead;
            draw_start = 1'b1;
          end else begin
            state_d = Run;
            data_start = 1'b1;
          end
        end
      end
      Key: begin
        count_d = 16'd0;
        if (key_done_i) begin
          state_d = Lead;
          draw_start = 1'b1;
        end
      end
      Lead: begin
        if (count_q == LeadCycles - 16'd1) begin
          state_d = Run;
          data_start = 1'b1;
        end
      end
      Run: begin
        count_d = 16'd0;
        if (data_last) state_d = Drain;
      end
      Drain: begin
        if (count_q == DrainCycles - 16'd1) begin
          count_d = 16'd0;
          state_d = codes_out ? Emit : Idle;
          done_o = !codes_out;
        end
      end
      Emit: begin
        if (count_q + 16'd1 >= cols) begin
          state_d = Idle;
          done_o = 1'b1;
        end
      end
      default: state_d = Idle;
    endcase
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q <= Idle;
      count_q <= 16'd0;
      ratio_q <= 22'd0;
    end else begin
      state_q <= state_d;
      count_q <= count_d;
      if (state_q == Idle && run_i) ratio_q <= table_data_i[21:0];
    end
  end

  bl_walk u_draw (
      .clk_i,
      .rst_ni,
      .start_i(draw_start),
      .step_i(1'b1),
      .rows_i,
      .groups_i(groups),
      .active_o(draw_active),
      .last_o(unused_draw_last),
      .row_o(draw_row),
      .group_o(draw_group),
      .index_o(unused_draw_index)
  );
  assign draw_o = draw_active;
  assign draw_row_o = row0_i + {16'd0, draw_row};
  assign draw_block_o = (col0_i + ({16'd0, draw_group} << LogV)) >> 3;

  bl_walk u_data (
      .clk_i,
      .rst_ni,
      .start_i(data_start),
      .step_i(1'b1),
      .rows_i,
      .groups_i(groups),
      .active_o(data_active),
      .last_o(data_last),
      .row_o(row0),
      .group_o(group0),
      .index_o(index0)
  );

  // ---- Stage 0: addresses
  logic [15:0] vin_word, bias_word;
  assign vin_word = vin_base + (from_vin ? index0 : index0 >> LogW);
  assign bias_word = 16'(col0_i >> LogV) + group0;
  assign vin_addr_o = vin_word[VinW-1:0];
  assign acc_buf_o = parity_i;
  assign acc_row_o = row0[RowW-1:0];
  assign acc_group_o = group0[GroupW-1:0];

  logic [4:1] valid_q;
  logic [15:0] row1_q, row2_q, row3_q, row4_q;
  logic [15:0] group1_q, group2_q, group3_q, group4_q;
  logic [15:0] index1_q, index2_q, index3_q, index4_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      valid_q <= 4'd0;
      {row1_q, row2_q, row3_q, row4_q} <= 64'd0;
      {group1_q, group2_q, group3_q, group4_q} <= 64'd0;
      {index1_q, index2_q, index3_q, index4_q} <= 64'd0;
    end else begin
      valid_q <= {valid_q[3:1], data_active};
      {row4_q, row3_q, row2_q, row1_q} <= {row3_q, row2_q, row1_q, row0};
      {group4_q, group3_q, group2_q, group1_q} <= {group3_q, group2_q, group1_q, group0};
      {index4_q, index3_q, index2_q, index1_q} <= {index3_q, index2_q, index1_q, index0};
    end
  end

  logic [V*32-1:0] bias_q[bl_pkg::VBIAS_WORDS];
  logic [V*32-1:0] bias1_q, y4;
  logic [15:0] bias_to;
  logic unused_address;
  assign bias_to = 16'(col0_i >> LogV) + index4_q;
  assign unused_address = ^{vin_word, bias_word, bias_to, row0, group0};
  always_ff @(posedge clk_i) begin
    if (data_active && add_bias) bias1_q <= bias_q[bias_word[BiasW-1:0]];
    if (valid_q[4] && bias_out) bias_q[bias_to[BiasW-1:0]] <= y4;
  end

  // ---- Stages 1 to 4: the lanes
  logic [7:0] mask_byte;
  logic [63:0] word;
  logic [2:0] field;
  logic [V-1:0] positive3, raw_saturated3, y_saturated4;
  logic [V*31-1:0] magnitude3;
  logic unused_mask, unused_word;
  assign mask_byte = vin_data_i[index1_q[LogW-1:0]*8+:8];
  assign field = 3'(col0_i) + 3'(group3_q << LogV);
  assign word = word_i >> {field, 3'd0};
  assign unused_mask = ^mask_byte;
  assign unused_word = ^word;

  for (genvar v = 0; v < V; v++) begin : g_lane
    logic in_tile;
    assign in_tile = ({group1_q, LogV'(v)} < (16 + LogV)'(cols_i));
    bl_tile_lane u_lane (
        .clk_i,
        .rst_ni,
        .valid_i(valid_q[3:1]),
        .from_vin_i(from_vin),
        .add_bias_i(add_bias),
        .relu_i(relu),
        .m_i(ratio_q[15:0]),
        .s_i(ratio_q[21:16]),
        .rounding_i(rounding),
        .limit_i(limit),
        .acc_i(acc_data_i[v*48+:48]),
        .vin_i(vin_data_i[v*32+:32]),
        .bias_i(bias1_q[v*32+:32]),
        .keep_i(in_tile && (!mask_in || mask_byte[v])),
        .u_i(word[v*8+:8]),
        .positive_o(positive3[v]),
        .raw_o(raw_data_o[v*32+:32]),
        .magnitude_o(magnitude3[v*31+:31]),
        .raw_saturated_o(raw_saturated3[v]),
        .y_o(y4[v*32+:32]),
        .y_saturated_o(y_saturated4[v])
    );
  end

  // ---- Stage 3: raw view and mask out, the largest magnitude of the group
  logic [15:0] raw_word, mask_word;
  assign raw_word = raw_base + index3_q;
  assign raw_addr_o = raw_word[RawW-1:0];
  assign raw_we_o = valid_q[3] && raw_out;
  assign mask_word = (parity_i ? 16'(bl_pkg::MASK_WORDS) : 16'd0) + (index3_q >> LogW);
  assign mask_addr_o = mask_word[MaskW-1:0];
  assign mask_data_o = {W{8'(positive3)}};
  assign mask_be_o = (valid_q[3] && mask_out) ? W'(1) << index3_q[LogW-1:0] : '0;

  logic [30:0] max3, max4_q;
  logic [3:0] raw_count3, raw_count4_q, y_count4;
  always_comb begin
    max3 = 31'd0;
    raw_count3 = 4'd0;
    for (int v = 0; v < V; v++) begin
      if (magnitude3[v*31+:31] > max3) max3 = magnitude3[v*31+:31];
      raw_count3 = raw_count3 + {3'd0, raw_saturated3[v]};
    end
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      max4_q <= 31'd0;
      raw_count4_q <= 4'd0;
    end else if (valid_q[3]) begin
      max4_q <= max3;
      raw_count4_q <= raw_count3;
    end
  end

  // ---- Stage 4: statistics, codes
  always_comb begin
    y_count4 = 4'd0;
    for (int v = 0; v < V; v++) y_count4 = y_count4 + {3'd0, y_saturated4[v]};
    if (!codes_out && !bias_out) y_count4 = 4'd0;
  end
  assign stat_we_o = valid_q[4];
  assign stat_o[31:0] = ({1'b0, max4_q} > stat_i[31:0]) ? {1'b0, max4_q} : stat_i[31:0];
  assign stat_o[63:32] = stat_i[63:32] + {28'd0, y_count4};
  assign stat_o[95:64] = stat_i[95:64] + {28'd0, raw_count4_q};

  logic [V*8-1:0] codes8;
  logic [V*4-1:0] codes4;
  for (genvar v = 0; v < V; v++) begin : g_code
    assign codes8[v*8+:8] = y4[v*32+:8];
    assign codes4[v*4+:4] = y4[v*32+:4];
  end

  // The first group of a row writes the whole word, so that nothing stale follows the row's codes.
  logic write_codes;
  logic [W-1:0] group_be;
  logic [15:0] p1_word, first_byte;
  assign write_codes = valid_q[4] && codes_out;
  assign first_byte = bits4 ? (group4_q << LogV) >> 1 : group4_q << LogV;
  assign group_be = bits4 ? W'((1 << (V / 2)) - 1) : W'((1 << V) - 1);
  assign p1_word = (parity_i ? 16'(bl_pkg::ROWS) : 16'd0) + row4_q;
  assign p1_addr_o = p1_word[P1W-1:0];
  assign p1_data_o = (bits4 ? (W * 8)'(codes4) : (W * 8)'(codes8)) << {first_byte, 3'd0};
  always_comb begin
    p1_be_o = '0;
    if (write_codes) p1_be_o = (group4_q == 16'd0) ? '1 : group_be << first_byte;
  end

  // ---- After the last group: columns
  logic [bl_pkg::ROWS*8-1:0] column;
  logic [W*8-1:0] column8, column4;
  logic [15:0] p2_word;
  logic unused_out;
  bl_transpose u_transpose (
      .clk_i,
      .we_i(write_codes),
      .row_i(row4_q[RowW-1:0]),
      .group_i(group4_q[GroupW-1:0]),
      .codes_i(codes8),
      .col_i(count_q[ColW-1:0]),
      .rows_i,
      .column_o(column)
  );
  assign column8 = (W * 8)'(column);
  always_comb begin
    column4 = '0;
    for (int i = 0; i < bl_pkg::ROWS; i++) column4[i*4+:4] = column[i*8+:4];
  end
  assign p2_word = (parity_i ? 16'(bl_pkg::COLS) : 16'd0) + count_q;
  assign p2_addr_o = p2_word[P2W-1:0];
  assign p2_data_o = bits4 ? column4 : column8;
  assign p2_be_o = (state_q == Emit) ? '1 : '0;
  assign unused_out = ^{raw_word, mask_word, p1_word, p2_word, first_byte};

endmodule
