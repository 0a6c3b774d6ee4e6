// One requantization lane (N3.1 to N3.5): y = clamp(round(x * m / 2^s), limit), combinational.
//
// Every rounding is (x * m + addend) >> s. The addend is below 2^s, so that the sum is the floor of the product plus one
// carry, and 64 bits hold every step for any 48-bit x.
module bl_requant (
    input  logic [47:0] x_i,         // signed
    input  logic [15:0] m_i,
    input  logic [ 5:0] s_i,
    input  logic [ 1:0] rounding_i,  // bl_pkg::ROUND_*
    input  logic [ 7:0] u_i,         // random word of ROUND_STOCHASTIC
    input  logic [30:0] limit_i,     // result in [-limit, +limit]
    output logic [31:0] y_o,         // signed
    output logic        saturated_o
);

  logic signed [63:0] product, whole, rounded, limit;
  logic [63:0] below, part, base, addend, sum;
  logic [8:0] seed;
  logic lsb;

  assign product = $signed({{16{x_i[47]}}, x_i}) * $signed({48'd0, m_i});
  assign below = (64'd1 << s_i) - 64'd1;
  assign part = $unsigned(product) & below;
  assign whole = product >>> s_i;
  assign lsb = whole[0];

  // In units of 2^(s-9). Stochastic rounding first rounds half up to 8 fraction bits (the last one of the seed) and then
  // adds 255 - u of them (N3.4); the shift right drops what an exact product cannot reach.
  always_comb begin
    case (rounding_i)
      bl_pkg::ROUND_HALF_UP: seed = 9'h100;
      bl_pkg::ROUND_STOCHASTIC: seed = {~u_i, 1'b1};
      default: seed = 9'h000;
    endcase
  end
  assign base = (s_i >= 6'd9) ? {55'd0, seed} << (s_i - 6'd9) : {55'd0, seed} >> (6'd9 - s_i);
  assign addend = (rounding_i == bl_pkg::ROUND_NEAREST_EVEN && s_i != 6'd0) ?
      (below >> 1) + {63'd0, lsb} : base;

  assign sum = part + addend;
  assign rounded = whole + $signed(sum >> s_i);

  assign limit = $signed({33'd0, limit_i});
  always_comb begin
    saturated_o = 1'b1;
    if (rounded > limit) y_o = limit[31:0];
    else if (rounded < -limit) y_o = $unsigned(-limit[31:0]);
    else begin
      y_o = rounded[31:0];
      saturated_o = 1'b0;
    end
  end

endmodule
