// bl_real_round against N11.1 and the range of N11, for every integer below 2^101 and every k: each place of the top bit is a
// proof of its own. A mantissa of 2^16 is 2^15 of the next n.
//@ rtl: bl_real_round
//@ cycles: 1
//@ sweep: 102
//@ part: long
//@ break: bl_real_round.sv | half = 102'd1 << (top - 7'd16); | half = 102'd1 << (top - 7'd15);
//@ break: bl_real_round.sv | top <= 7'd15 | top <= 7'd16
//@ break: bl_real_round.sv | s > 12'sd127) | s > 12'sd126)
//@ break: bl_real_round.sv | s < -12'sd128) | s < -12'sd127)
//@ break: bl_real_round.sv | - (m[16] ? 12'sd1 : 12'sd0) | - 12'sd0
//@ break: bl_real_round.sv | m[16] ? 16'h8000 : m[15:0] | m[15:0]
module proof #(
    parameter int Case = -1
) (
    input logic                sign_i,
    input logic        [100:0] x_i,
    input logic signed [ 10:0] k_i
);
  logic [31:0] real_word;
  bl_real_round dut (.sign_i, .x_i, .k_i, .real_o(real_word));

  (* anyseq *) logic [6:0] any;
  logic [6:0] bits;  // of X: n = bits - 1, 0 where X is 0
  assign bits = Case >= 0 ? 7'(Case) : any;

  // The rule's own words, for n = bits - 1; nothing is lost in 121 bits.
  logic [120:0] x, m;
  assign x = {20'd0, x_i};
  assign m = (bits <= 7'd16) ? x << (7'd16 - bits) : (x + (121'd1 << (bits - 7'd17))) >> (bits - 7'd16);

  logic signed [15:0] s;
  logic [31:0] expected;
  assign s = 16'(k_i) + 16'sd15 - $signed({9'd0, bits} - 16'd1) - (m[16] ? 16'sd1 : 16'sd0);
  always_comb begin
    expected = {sign_i, 7'd0, s[7:0], m[16] ? 16'h8000 : m[15:0]};
    if (bits == 7'd0 || s > 16'sd127) expected = 32'd0;
    else if (s < -16'sd128) expected = {sign_i, 7'd0, 8'h80, 16'hffff};
  end
  always_comb begin
    assume (bits <= 7'd101);
    assume (bits == 7'd0 ? x_i == 101'd0 : (x_i >> (bits - 7'd1)) == 101'd1);
    assert (real_word == expected);
  end
endmodule
