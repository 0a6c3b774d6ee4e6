// One lane of AFFINE (N12): clamp((P(u, a) + P(v, b) + c * 2^16 + 2^15) >> 16, 2^31 - 1 or 2^15 - 1), mask, ReLU. The products in stage 1, their sum in stage 2
// (bl_stream numbers the stages).
module bl_affine_lane (
    input  logic        clk_i,
    input  logic        rst_ni,
    input  logic [ 2:1] valid_i,      // by stage
    input  logic        has_v_i,
    input  logic        relu_i,
    input  logic        raw16_i,      // limits the result to 16 bits (N5.5)
    // Stage 1
    input  logic [31:0] u_i,
    input  logic [31:0] v_i,
    input  logic [31:0] a_i,          // reals (N11)
    input  logic [31:0] b_i,
    input  logic [31:0] c_i,
    input  logic        keep_i,       // 0: masked
    input  logic        in_tile_i,    // 0: beyond the tile
    // Stage 3; all 0 beyond the tile
    output logic [31:0] raw_o,
    output logic [30:0] magnitude_o,  // |raw|
    output logic        positive_o,   // before ReLU
    output logic        saturated_o   // before mask and ReLU
);

  // Stage 1
  logic [15:0] ma, mb;
  logic [5:0] sa, sb;
  logic negative_a, negative_b;
  logic [46:0] pu, pv;
  bl_factor u_a (
      .real_i(a_i),
      .m_o(ma),
      .s_o(sa),
      .negative_o(negative_a)
  );
  bl_factor u_b (
      .real_i(b_i),
      .m_o(mb),
      .s_o(sb),
      .negative_o(negative_b)
  );
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

  // Stage 2
  logic signed [46:0] first_q, second_q;
  logic [31:0] addend_q, raw, raw_q;
  logic keep_q, in_tile_q, saturated, positive, saturated_q, positive_q;
  logic signed [49:0] sum, value, limit;
  assign limit = raw16_i ? 50'sd32767 : 50'sd2147483647;
  always_comb begin
    sum = 50'(first_q) + 50'(second_q) + $signed({{2{addend_q[31]}}, addend_q, 16'd0}) + 50'sd32768;
    value = sum >>> 16;
    saturated = value > limit || value < -limit;
    positive = keep_q && value > 50'sd0;
    raw = value[31:0];
    if (value > limit) raw = limit[31:0];
    if (value < -limit) raw = -limit[31:0];
    if (!keep_q || (relu_i && !positive)) raw = 32'd0;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      {first_q, second_q} <= 94'd0;
      {addend_q, raw_q} <= 64'd0;
      {keep_q, in_tile_q, saturated_q, positive_q} <= 4'd0;
    end else begin
      if (valid_i[1]) begin
        first_q <= negative_a ? -pu : pu;
        second_q <= !has_v_i ? 47'd0 : (negative_b ? -pv : pv);
        addend_q <= c_i;
        keep_q <= keep_i;
        in_tile_q <= in_tile_i;
      end
      if (valid_i[2]) begin
        raw_q <= in_tile_q ? raw : 32'd0;
        saturated_q <= in_tile_q && saturated;
        positive_q <= in_tile_q && positive;
      end
    end
  end

  // Stage 3
  logic [31:0] size;
  assign size = raw_q[31] ? -raw_q : raw_q;
  assign raw_o = raw_q;
  assign magnitude_o = size[30:0];
  assign positive_o = positive_q;
  assign saturated_o = saturated_q;

  logic unused_bits;
  assign unused_bits = ^{size[31], value, limit};

endmodule
