// bl_requant, first half: what is rounded is x * m exactly, or |x| * m for the two roundings of N24, for every x below 2^46 in
// magnitude and every m. requant.sv proves the rest for every such product.
//@ rtl: bl_requant
//@ cycles: 1
//@ part: quick
//@ break: bl_requant.sv | assign x = negates ? -x_i : x_i; | assign x = x_i[47] ? -x_i : x_i;
//@ break: bl_requant.sv | $signed({48'd0, m_i}) | $signed({{48{m_i[15]}}, m_i})
module proof (
    input logic [47:0] x_i,
    input logic [15:0] m_i,
    input logic [ 5:0] s_i,
    input logic [ 2:0] rounding_i,
    input logic [ 7:0] u_i,
    input logic        unsigned_i,
    input logic [30:0] limit_i
);
  logic [31:0] y;
  logic saturated;
  bl_requant dut (.x_i, .m_i, .s_i, .rounding_i, .u_i, .unsigned_i, .limit_i, .y_o(y), .saturated_o(saturated));
  (* hierconn *) wire [63:0] \dut.product ;

  logic by_magnitude;
  logic [47:0] x;
  assign by_magnitude = rounding_i == bl_pkg::ROUND_HALF_AWAY || rounding_i == bl_pkg::ROUND_PSEUDO;
  assign x = by_magnitude && x_i[47] ? 48'd0 - x_i : x_i;
  always_comb begin
    assume (x_i[47:46] == 2'b00 || (x_i[47:46] == 2'b11 && x_i[45:0] != 46'd0));
    assert (\dut.product == $signed({{16{x[47]}}, x}) * $signed({48'd0, m_i}));
  end
endmodule
