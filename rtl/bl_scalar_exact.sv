// The exact value of a SCALAR operation on reals or sums before its one rounding (N11.1): sign, magnitude and shift, combinational.
module bl_scalar_exact (
    input  logic        [  5:0] op_i,
    input  logic        [ 15:0] immediate_i,
    input  logic        [ 31:0] a_i,
    input  logic        [ 31:0] a_high_i,
    input  logic        [ 31:0] b_i,
    input  logic        [ 31:0] b_high_i,
    input  logic        [ 31:0] c_i,
    input  logic        [ 31:0] c_high_i,
    input  logic        [ 31:0] n_i,
    input  logic        [ 31:0] running_i,    // RSUM: the sum so far
    output logic                sign_o,
    output logic        [100:0] x_o,
    output logic signed [ 10:0] k_o
);

  logic is_sum, add_sign;
  logic [31:0] add_a, add_b;
  logic [47:0] add_x;
  logic signed [10:0] add_k, ka, kb;
  logic signed [100:0] pair, centered;

  assign is_sum = op_i == bl_pkg::SCALAR_RSUM;
  assign add_a = is_sum ? running_i : a_i;
  always_comb begin
    add_b = is_sum ? a_i : b_i;
    if (op_i == bl_pkg::SCALAR_RSUB) add_b[31] = !b_i[31] && b_i[15:0] != 16'd0;
  end
  bl_real_add u_add (
      .a_i(add_a),
      .b_i(add_b),
      .sign_o(add_sign),
      .x_o(add_x),
      .k_o(add_k)
  );

  assign ka = 11'($signed(a_i[23:16]));
  assign kb = 11'($signed(b_i[23:16]));
  assign pair = 101'($signed({a_high_i, a_i}));
  assign centered = 101'($signed({1'b0, n_i})) * pair - 101'($signed({b_high_i, b_i})) * 101'($signed({c_high_i, c_i}));
  always_comb begin
    sign_o = add_sign;
    x_o = {53'd0, add_x};
    k_o = add_k;
    case (op_i)
      bl_pkg::SCALAR_RMUL: begin
        sign_o = a_i[31] ^ b_i[31];
        x_o = {69'd0, {16'd0, a_i[15:0]} * {16'd0, b_i[15:0]}};
        k_o = ka + kb;
      end
      bl_pkg::SCALAR_FROM_INT: begin
        sign_o = a_i[31];
        x_o = {69'd0, a_i[31] ? -a_i : a_i};
        k_o = $signed(immediate_i[10:0]);
      end
      bl_pkg::SCALAR_FROM_SUM: begin
        sign_o = pair[100];
        x_o = pair[100] ? -pair : pair;
        k_o = $signed(immediate_i[10:0]);
      end
      bl_pkg::SCALAR_CENTERED: begin
        sign_o = centered[100];
        x_o = centered[100] ? -centered : centered;
        k_o = 11'sd0;
      end
      default: begin
      end
    endcase
  end

  logic unused_bits;
  assign unused_bits = ^immediate_i[15:11];

endmodule
