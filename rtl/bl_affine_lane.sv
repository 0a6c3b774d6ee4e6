// One lane of AFFINE (N12), combinational: clamp((P(u, a) + P(v, b) + c * 2^16 + 2^15) >> 16, 2^31 - 1), mask, ReLU.
module bl_affine_lane (
    input  logic        has_v_i,
    input  logic        masked_i,     // the input mask is 0 here
    input  logic        relu_i,
    input  logic [31:0] u_i,
    input  logic [31:0] v_i,
    input  logic [31:0] a_i,          // reals (N11)
    input  logic [31:0] b_i,
    input  logic [31:0] c_i,
    output logic [31:0] raw_o,
    output logic        positive_o,   // before ReLU
    output logic        saturated_o   // before mask and ReLU
);

  localparam logic signed [49:0] Limit = 50'sd2147483647;

  // A magnitude that F16 takes: s below 0 becomes (65535, 0), s above 63 or zero gives 0.
  logic [46:0] pu, pv;
  logic [15:0] ma, mb;
  logic [5:0] sa, sb;
  assign ma = a_i[23] ? 16'hffff : a_i[15:0];
  assign sa = a_i[23] ? 6'd0 : a_i[21:16];
  assign mb = b_i[23] ? 16'hffff : b_i[15:0];
  assign sb = b_i[23] ? 6'd0 : b_i[21:16];
  bl_fixed16 u_pu (
      .x_i({{2{u_i[31]}}, u_i}),
      .m_i(ma),
      .s_i(sa),
      .y_o(pu)
  );
  bl_fixed16 u_pv (
      .x_i({{2{v_i[31]}}, v_i}),
      .m_i(mb),
      .s_i(sb),
      .y_o(pv)
  );

  logic has_a, has_b;
  assign has_a = a_i[15:0] != 16'd0 && a_i[23:22] != 2'b01;
  assign has_b = has_v_i && b_i[15:0] != 16'd0 && b_i[23:22] != 2'b01;
  logic signed [49:0] first, second, sum, value;
  always_comb begin
    first = has_a ? $signed({{3{pu[46]}}, pu}) : 50'sd0;
    second = has_b ? $signed({{3{pv[46]}}, pv}) : 50'sd0;
    if (a_i[31]) first = -first;
    if (b_i[31]) second = -second;
    sum = first + second + $signed({{2{c_i[31]}}, c_i, 16'd0}) + 50'sd32768;
    value = sum >>> 16;
    saturated_o = value > Limit || value < -Limit;
    if (masked_i) value = 50'sd0;
    positive_o = value > 50'sd0;
    if (relu_i && value < 50'sd0) value = 50'sd0;
    raw_o = value[31:0];
    if (value > Limit) raw_o = 32'h7fff_ffff;
    if (value < -Limit) raw_o = 32'h8000_0001;
  end

  logic unused_bits;
  assign unused_bits = ^{a_i[30:24], b_i[30:24], value};

endmodule
