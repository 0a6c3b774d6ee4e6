// The command AFFINE (docs/commands.md, N12): the lanes between the operands of bl_stream (u, v, mask; then the vectors a, b, c) and the results that
// bl_write takes in stage 3.
module bl_affine #(
    parameter int V = bl_pkg::LANES
) (
    input  logic              clk_i,
    input  logic              rst_ni,
    input  logic              run_i,
    input  logic [     511:0] cmd_i,
    input  logic [      15:0] cols_i,
    // What the command needs of bl_stream
    output logic [       6:0] reads_o,
    output logic              row_word_o,
    output logic [       2:0] writes_o,
    // From bl_stream
    input  logic [      95:0] entry_i,     // T[ADDEND], T[LIMIT], T[RATIO]
    input  logic [7*V*32-1:0] operand_i,
    input  logic [     V-1:0] keep_i,
    input  logic [       7:1] valid_i,
    input  logic [  8*16-1:0] groups_i,
    // Stage 3: raw view, nothing, mask; what the statistics count
    output logic              push_o,
    output logic [3*V*32-1:0] words_o,
    output logic [  V*31-1:0] magnitude_o,
    output logic [     V-1:0] saturated_o
);

  localparam int LogV = $clog2(V);

  logic [bl_pkg::F_FLAGS_W-1:0] flags;
  logic v_in, mask_in, partner;
  logic [2:0] vectors;  // c, b, a
  assign flags = cmd_i[bl_pkg::F_FLAGS_LSB+:bl_pkg::F_FLAGS_W];
  assign v_in = flags[bl_pkg::FLAG_V_IN];
  assign mask_in = flags[bl_pkg::FLAG_MASK_IN];
  assign vectors = {flags[bl_pkg::FLAG_C_VECTOR], flags[bl_pkg::FLAG_B_VECTOR], flags[bl_pkg::FLAG_A_VECTOR]};
  assign partner = cmd_i[bl_pkg::F_SUMS_LSB] && cmd_i[bl_pkg::F_REDUCE_KIND_LSB+:2] == bl_pkg::REDUCE_CROSS;
  assign reads_o = {vectors, partner, mask_in, v_in, 1'b1};
  assign row_word_o = flags[bl_pkg::FLAG_V_ROW];
  assign writes_o = {flags[bl_pkg::FLAG_MASK_OUT], 1'b0, flags[bl_pkg::FLAG_RAW_OUT]};

  logic [V*32-1:0] raw, positives;
  logic [V-1:0] positive;
  for (genvar v = 0; v < V; v++) begin : g_lane
    bl_affine_lane u_lane (
        .clk_i,
        .rst_ni,
        .valid_i(run_i ? valid_i[2:1] : 2'd0),
        .has_v_i(v_in),
        .relu_i(flags[bl_pkg::FLAG_RELU]),
        .raw16_i(cmd_i[bl_pkg::F_RAW16_LSB]),
        .u_i(operand_i[v*32+:32]),
        .v_i(operand_i[V*32+v*32+:32]),
        .a_i(vectors[0] ? operand_i[4*V*32+v*32+:32] : entry_i[31:0]),
        .b_i(vectors[1] ? operand_i[5*V*32+v*32+:32] : entry_i[63:32]),
        .c_i(vectors[2] ? operand_i[6*V*32+v*32+:32] : entry_i[95:64]),
        .keep_i(!mask_in || keep_i[v]),
        .in_tile_i({groups_i[16+:16], LogV'(v)} < (16 + LogV)'(cols_i)),
        .raw_o(raw[v*32+:32]),
        .magnitude_o(magnitude_o[v*31+:31]),
        .positive_o(positive[v]),
        .saturated_o(saturated_o[v])
    );
    assign positives[v*32+:32] = {31'd0, positive[v]};
  end
  assign push_o = run_i && valid_i[3];
  assign words_o = {positives, {V * 32{1'b0}}, raw};

  logic unused_bits;
  assign unused_bits = ^{cmd_i, flags, operand_i, valid_i, groups_i};

endmodule
