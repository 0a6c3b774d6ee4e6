// bl_requant, second half: each rounding of N3.1 to N3.4, N24.1 and N24.2, and the clamp of N3.5, for every product P below
// 2^62 in magnitude, every s, every word u and every limit. The multiplier is cut off: its product is free, but for its sign
// (requant_product.sv proves it). The rules are written with 80 bits, in which nothing is lost.
//@ rtl: bl_requant
//@ cycles: 1
//@ sweep: 384
//@ cut: t:$mul
//@ part: long
//@ break: bl_requant.sv | ROUND_HALF_AWAY: seed = 9'h100; | ROUND_HALF_AWAY: seed = 9'h0ff;
//@ break: bl_requant.sv | seed = {~u_i, 1'b1}; | seed = {~u_i, 1'b0};
//@ break: bl_requant.sv | && s_i != 6'd0) ? | ) ?
//@ break: bl_requant.sv | (below >> 1) + {63'd0, lsb} | (below >> 1) + 64'd1
//@ break: bl_requant.sv | assign lower = (dropped & low_mask) << b[0]; | assign lower = dropped & low_mask;
//@ break: bl_requant.sv | if (rounded > limit) y_o | if (rounded >= limit) y_o
//@ break: bl_requant.sv | unsigned_i ? 64'sd0 : -limit; | unsigned_i ? -64'sd1 : -limit;
module proof #(
    parameter int Case = -1
) (
    input logic [47:0] x_i,
    input logic [15:0] m_i,
    input logic [ 7:0] u_i,
    input logic        unsigned_i,
    input logic [30:0] limit_i
);
  // Each rounding and each s is a proof of its own, as the solver does not finish all of them at once.
  (* anyseq *) logic [8:0] any;
  logic [5:0] s_i;
  logic [2:0] rounding_i;
  assign {rounding_i, s_i} = Case >= 0 ? 9'(Case) : any;

  logic [31:0] y;
  logic saturated;
  bl_requant dut (.x_i, .m_i, .s_i, .rounding_i, .u_i, .unsigned_i, .limit_i, .y_o(y), .saturated_o(saturated));
  (* hierconn *) wire [63:0] \dut.product ;

  logic signed [139:0] given, p, size, step, half, t, exact, rounded, limit, clamped, remainder, d, upper, lower;
  logic by_magnitude;
  logic [5:0] b;
  assign by_magnitude = rounding_i == bl_pkg::ROUND_HALF_AWAY || rounding_i == bl_pkg::ROUND_PSEUDO;
  assign given = 80'($signed(\dut.product ));
  assign p = by_magnitude && x_i[47] ? -given : given;  // x * m
  assign size = p < 80'sd0 ? -p : p;
  assign step = 80'sd1 << s_i;
  assign half = step >>> 1;                             // 0 where s = 0
  assign exact = p >>> s_i;                             // floor(P / 2^s)
  assign remainder = p - (exact << s_i);
  // N3.4, in its form with floor and a comparison.
  assign t = ((p << 8) + half) >>> s_i;
  // N24.2: m = |x|, and P = x * 2^15, s = 15 + b.
  assign b = s_i - 6'd15;
  assign d = (size >>> 15) & ((80'sd1 << b) - 80'sd1);
  assign upper = d >>> b[5:1];
  assign lower = (d & ((80'sd1 << b[5:1]) - 80'sd1)) << b[0];

  logic signed [139:0] by_size;
  always_comb begin
    by_size = 80'sd0;
    rounded = 80'sd0;
    case (rounding_i)
      bl_pkg::ROUND_HALF_UP: rounded = (p + half) >>> s_i;
      bl_pkg::ROUND_NEAREST_EVEN: begin
        rounded = exact;
        if ((remainder << 1) > step || ((remainder << 1) == step && exact[0])) rounded = exact + 80'sd1;
      end
      bl_pkg::ROUND_FLOOR: rounded = exact;
      bl_pkg::ROUND_STOCHASTIC: rounded = (t >>> 8) + (t[7:0] > u_i ? 80'sd1 : 80'sd0);
      bl_pkg::ROUND_HALF_AWAY: by_size = (size + half) >>> s_i;
      bl_pkg::ROUND_PSEUDO: by_size = ((size >>> 15) >>> b) + (upper > lower ? 80'sd1 : 80'sd0);
    endcase
    if (by_magnitude) rounded = p < 80'sd0 ? -by_size : by_size;
    limit = {49'd0, limit_i};
    clamped = rounded;
    if (rounded > limit) clamped = limit;
    if (rounded < (unsigned_i ? 80'sd0 : -limit)) clamped = unsigned_i ? 80'sd0 : -limit;
  end

  always_comb begin
    assume (rounding_i <= bl_pkg::ROUND_PSEUDO);
    assume (size < (80'sd1 << 62));
    // The product has the sign of its x, or that of |x|.
    assume (by_magnitude ? given >= 80'sd0 : x_i[47] ? given <= 80'sd0 : given >= 80'sd0);
    assume (rounding_i != bl_pkg::ROUND_PSEUDO || (s_i >= 6'd15 && \dut.product [14:0] == 15'd0));
    assert (y == clamped[31:0]);
    assert (saturated == (clamped != rounded));
  end
endmodule
