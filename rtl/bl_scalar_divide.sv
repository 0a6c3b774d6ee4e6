// What the divider gets from DIV and RDIV (N2.3), MAX_TO_SCALE (N2.4) and RSQRT (N11.5): every division has its remainder's first bits ready;
// a/b needs 17 bits of quotient, the others 48. Combinational.
module bl_scalar_divide (
    input  logic [ 5:0] op_i,
    input  logic [31:0] a_i,
    input  logic [31:0] b_i,
    input  logic        a_ge_b_i,   // by mantissas
    input  logic [15:0] qmax_i,
    input  logic [47:0] product_i,  // MAX_TO_SCALE: maximum times the unit's mantissa
    output logic [ 5:0] zeros_o,    // MAX_TO_SCALE: places that the product is shifted by
    output logic [31:0] first_o,
    output logic [47:0] bits_o,
    output logic [31:0] divisor_o,
    output logic [ 5:0] steps_o
);

  // Its top bit moves to bit 47.
  always_comb begin
    zeros_o = 6'd0;
    for (int i = 0; i < 48; i++) if (product_i[i]) zeros_o = 6'(47 - i);
  end

  always_comb begin
    if (op_i == bl_pkg::SCALAR_RSQRT) begin
      first_o = 32'd256;  // 2^56 / M, M the mantissa with an even shift
      bits_o = 48'd0;
      divisor_o = a_i[16] ? {15'd0, a_i[15:0], 1'b0} : {16'd0, a_i[15:0]};
      steps_o = 6'd48;
    end else if (op_i == bl_pkg::SCALAR_MAX_TO_SCALE) begin
      first_o = 32'd0;
      bits_o = product_i << zeros_o;
      divisor_o = {16'd0, qmax_i};
      steps_o = 6'd48;
    end else begin
      first_o = a_ge_b_i ? {17'd0, a_i[15:1]} : {16'd0, a_i[15:0]};
      bits_o = {a_ge_b_i && a_i[0], b_i[15:0], 31'd0};
      divisor_o = {15'd0, b_i[15:0], 1'b0};
      steps_o = 6'd17;
    end
  end

  logic unused_bits;
  assign unused_bits = ^{a_i[31:17], b_i[31:16]};

endmodule
