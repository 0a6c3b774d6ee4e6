// One requantization lane (N3.1 to N3.5, N24.1, N24.2): y = clamp(round(x * m / 2^s)), combinational.
//
// Every rounding of N3 is (x * m + addend) >> s. The addend is below 2^s, so that the sum is the floor of the product plus one
// carry, and 64 bits hold every step for any 48-bit x. The roundings of N24 take |x|, and the sign after it.
module bl_requant (
    input  logic [47:0] x_i,         // signed
    input  logic [15:0] m_i,
    input  logic [ 5:0] s_i,
    input  logic [ 2:0] rounding_i,  // bl_pkg::ROUND_*; ROUND_PSEUDO takes m = 2^15 and s = 15 + b
    input  logic [ 7:0] u_i,         // random word of ROUND_STOCHASTIC
    input  logic        unsigned_i,
    input  logic [30:0] limit_i,     // result in [-limit, +limit], or (unsigned) [0, limit]
    output logic [31:0] y_o,         // signed
    output logic        saturated_o
);

  logic by_magnitude, negates, pseudo;
  assign pseudo = rounding_i == bl_pkg::ROUND_PSEUDO;
  assign by_magnitude = pseudo || rounding_i == bl_pkg::ROUND_HALF_AWAY;
  assign negates = by_magnitude && x_i[47];

  logic [47:0] x;
  logic signed [63:0] product, whole, rounded, limit, least;
  logic [63:0] below, part, base, addend, sum;
  logic [8:0] seed;
  logic lsb;

  assign x = negates ? -x_i : x_i;
  assign product = $signed({{16{x[47]}}, x}) * $signed({48'd0, m_i});
  assign below = (64'd1 << s_i) - 64'd1;
  assign part = $unsigned(product) & below;
  assign whole = product >>> s_i;
  assign lsb = whole[0];

  // In units of 2^(s-9). Stochastic rounding first rounds half up to 8 fraction bits (the last one of the seed) and then
  // adds 255 - u of them (N3.4); the shift right drops what an exact product cannot reach.
  always_comb begin
    case (rounding_i)
      bl_pkg::ROUND_HALF_UP, bl_pkg::ROUND_HALF_AWAY: seed = 9'h100;
      bl_pkg::ROUND_STOCHASTIC: seed = {~u_i, 1'b1};
      default: seed = 9'h000;
    endcase
  end
  assign base = (s_i >= 6'd9) ? {55'd0, seed} << (s_i - 6'd9) : {55'd0, seed} >> (6'd9 - s_i);
  assign addend = (rounding_i == bl_pkg::ROUND_NEAREST_EVEN && s_i != 6'd0) ?
      (below >> 1) + {63'd0, lsb} : base;

  // N24.2: the upper part of the b dropped bits against the lower part, which gets a 0 where b is odd.
  logic [5:0] b, low_bits;
  logic [48:0] dropped, upper, lower, low_mask;
  logic pseudo_up;
  assign b = (s_i > 6'd15) ? s_i - 6'd15 : 6'd0;
  assign low_bits = b >> 1;
  assign dropped = part[63:15];
  assign low_mask = (49'd1 << low_bits) - 49'd1;
  assign upper = dropped >> low_bits;
  assign lower = (dropped & low_mask) << b[0];
  assign pseudo_up = upper > lower;

  assign sum = part + addend;
  always_comb begin
    rounded = pseudo ? whole + (pseudo_up ? 64'sd1 : 64'sd0) : whole + $signed(sum >> s_i);
    if (negates) rounded = -rounded;
  end

  assign limit = $signed({33'd0, limit_i});
  assign least = unsigned_i ? 64'sd0 : -limit;
  always_comb begin
    saturated_o = 1'b1;
    if (rounded > limit) y_o = limit[31:0];
    else if (rounded < least) y_o = least[31:0];
    else begin
      y_o = rounded[31:0];
      saturated_o = 1'b0;
    end
  end

endmodule
