// The command TILE (docs/commands.md): the lanes between the operands of bl_stream and the results that bl_write takes in stage 4, and the bias
// memory.
module bl_tile #(
    parameter int V = bl_pkg::LANES,
    parameter int Groups = (bl_pkg::COLS + V - 1) / V,
    parameter int RowW = bl_pkg::ROWS > 1 ? $clog2(bl_pkg::ROWS) : 1,
    parameter int GroupW = Groups > 1 ? $clog2(Groups) : 1
) (
    input  logic              clk_i,
    input  logic              rst_ni,
    input  logic              run_i,
    input  logic [     511:0] cmd_i,
    input  logic [      15:0] cols_i,
    input  logic [      31:0] col0_i,
    // What the command needs of bl_stream
    output logic [       6:0] reads_o,
    output logic [       2:0] writes_o,
    output logic              draws_o,
    // From bl_stream
    input  logic [      63:0] entry_i,    // T[LIMIT], T[RATIO]
    input  logic              begin_i,
    input  logic [      15:0] row_i,
    input  logic [      15:0] group_i,
    input  logic              answer_i,
    input  logic [7*V*32-1:0] operand_i,
    input  logic [     V-1:0] keep_i,
    input  logic [       7:1] valid_i,
    input  logic [  8*16-1:0] groups_i,
    input  logic [  8*16-1:0] indices_i,
    input  logic [bl_pkg::RANDOM8_BITS-1:0] word_i,
    // Accumulators
    output logic [  RowW-1:0] acc_row_o,
    output logic [GroupW-1:0] acc_group_o,
    input  logic [  V*48-1:0] acc_data_i,
    // Stage 4: raw view, code, mask; what the statistics count
    output logic              push_o,
    output logic [3*V*32-1:0] words_o,
    output logic [  V*31-1:0] magnitude_o,
    output logic [     V-1:0] code_saturated_o,
    output logic [     V-1:0] raw_saturated_o
);

  localparam int LogV = $clog2(V);
  localparam int BiasW = bl_pkg::VBIAS_WORDS > 1 ? $clog2(bl_pkg::VBIAS_WORDS) : 1;

  // ---- The command
  logic [bl_pkg::F_FLAGS_W-1:0] flags;
  logic [1:0] quantizer;
  logic [2:0] rounding;
  logic from_vin, add_bias, mask_in, codes_out, bias_out, group, partner;
  logic [31:0] ratio;
  logic [30:0] limit;
  assign flags = cmd_i[bl_pkg::F_FLAGS_LSB+:bl_pkg::F_FLAGS_W];
  assign from_vin = flags[bl_pkg::FLAG_FROM_VIN];
  assign add_bias = flags[bl_pkg::FLAG_ADD_BIAS];
  assign mask_in = flags[bl_pkg::FLAG_MASK_IN];
  assign bias_out = flags[bl_pkg::FLAG_BIAS_OUT];
  assign codes_out = flags[bl_pkg::FLAG_CODES_OUT] && !bias_out;
  assign quantizer = bias_out ? bl_pkg::QUANTIZER_UNIFORM : cmd_i[bl_pkg::F_QUANTIZER_LSB+:2];
  assign rounding = bias_out ? bl_pkg::ROUND_HALF_UP : cmd_i[bl_pkg::F_ROUNDING_LSB+:3];
  assign group = codes_out && quantizer == bl_pkg::QUANTIZER_GROUP;
  assign partner = cmd_i[bl_pkg::F_SUMS_LSB] && cmd_i[bl_pkg::F_REDUCE_KIND_LSB+:2] == bl_pkg::REDUCE_CROSS;
  assign ratio = entry_i[31:0];
  assign limit = bias_out ? 31'h7fff_ffff : {15'd0, cmd_i[bl_pkg::F_QMAX_LSB+:16]};

  assign reads_o = {1'b0, group, group, partner, mask_in, 1'b0, from_vin};
  assign writes_o = {flags[bl_pkg::FLAG_MASK_OUT], codes_out, flags[bl_pkg::FLAG_RAW_OUT]};
  assign draws_o = codes_out && quantizer != bl_pkg::QUANTIZER_SIGN &&
      (rounding == bl_pkg::ROUND_STOCHASTIC || quantizer == bl_pkg::QUANTIZER_GROUP);

  // ---- Accumulators and biases are addressed when the group begins, and kept until its stage 1.
  assign acc_row_o = row_i[RowW-1:0];
  assign acc_group_o = group_i[GroupW-1:0];
  logic [V*48-1:0] acc_q;
  logic [V*32-1:0] bias_q[bl_pkg::VBIAS_WORDS];
  logic [V*32-1:0] read_q, read1_q, code4;
  logic [15:0] bias_from, bias_to;
  assign bias_from = 16'(col0_i >> LogV) + group_i;
  assign bias_to = 16'(col0_i >> LogV) + indices_i[4*16+:16];
  always_ff @(posedge clk_i) begin
    if (begin_i && add_bias) read_q <= bias_q[bias_from[BiasW-1:0]];
    if (run_i && valid_i[4] && bias_out) bias_q[bias_to[BiasW-1:0]] <= code4;
  end
  always_ff @(posedge clk_i) begin
    if (answer_i) begin
      acc_q <= acc_data_i;
      read1_q <= read_q;
    end
  end

  // ---- The lanes
  logic [2:0] field;
  logic [bl_pkg::RANDOM8_BITS-1:0] word;
  logic [V-1:0] code_saturated4, mask4;
  logic [V*32-1:0] raw4, masks4;
  assign field = 3'(col0_i) + 3'(groups_i[3*16+:16] << LogV);
  assign word = word_i >> {field, 3'd0};

  for (genvar v = 0; v < V; v++) begin : g_lane
    bl_tile_lane u_lane (
        .clk_i,
        .rst_ni,
        .valid_i(run_i ? valid_i[3:1] : 3'd0),
        .from_vin_i(from_vin),
        .add_bias_i(add_bias),
        .relu_i(flags[bl_pkg::FLAG_RELU]),
        .mask_rule_i(cmd_i[bl_pkg::F_MASK_RULE_LSB+:2]),
        .mask_limit_i(entry_i[63:32]),
        .quantizer_i(quantizer),
        .ratio_i(ratio),
        .rounding_i(rounding),
        .unsigned_i(!bias_out && cmd_i[bl_pkg::F_UNSIGNED_LSB]),
        .limit_i(limit),
        .raw16_i(cmd_i[bl_pkg::F_RAW16_LSB]),
        .raw_shift_i(cmd_i[bl_pkg::F_RAW_SHIFT_LSB+:4]),
        .acc_i(acc_q[v*48+:48]),
        .vin_i(operand_i[v*32+:32]),
        .bias_i(read1_q[v*32+:32]),
        .group_ratio_i(operand_i[4*V*32+v*32+:32]),
        .group_lo_i(operand_i[5*V*32+v*32+:32]),
        .in_tile_i({groups_i[16+:16], LogV'(v)} < (16 + LogV)'(cols_i)),
        .keep_i(!mask_in || keep_i[v]),
        .u_i(word[v*8+:8]),
        .raw_o(raw4[v*32+:32]),
        .magnitude_o(magnitude_o[v*31+:31]),
        .raw_saturated_o(raw_saturated_o[v]),
        .mask_o(mask4[v]),
        .code_o(code4[v*32+:32]),
        .code_saturated_o(code_saturated4[v])
    );
    assign masks4[v*32+:32] = {31'd0, mask4[v]};
  end
  assign push_o = run_i && valid_i[4];
  assign words_o = {masks4, code4, raw4};
  assign code_saturated_o = (codes_out || bias_out) ? code_saturated4 : '0;

  logic unused_bits;
  assign unused_bits = ^{cmd_i, flags, col0_i, row_i, operand_i, valid_i, groups_i, indices_i, bias_from, bias_to, word};

endmodule
