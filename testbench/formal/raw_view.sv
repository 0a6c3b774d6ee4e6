// bl_raw_view against N5.2 and N5.5 for every value below 2^46 in magnitude and every shift: the nearest integer to value /
// 2^shift, a half to the even one, limited to 2^15 - 1 or 2^31 - 1, and counted exactly when it was limited. What is nearest is
// said by distances here, not by a shift: 2^(shift+1) times the result is within 2^shift of 2 * value.
//@ rtl: bl_raw_view
//@ cycles: 1
//@ part: quick
//@ break: bl_raw_view.sv | - 48'sd1 + $signed({47'd0, floor[0]}) | - 48'sd1
//@ break: bl_raw_view.sv | - 48'sd1 + $signed | + $signed
//@ break: bl_raw_view.sv | assign under = rounded < -limit; | assign under = rounded <= -limit;
//@ break: bl_raw_view.sv | 48'sh7fff : 48'sh7fff_ffff | 48'sh8000 : 48'sh7fff_ffff
module proof (
    input logic signed [47:0] value_i,
    input logic               raw16_i,
    input logic        [ 3:0] shift_i
);
  logic [31:0] raw;
  logic saturated;
  bl_raw_view dut (.value_i, .raw16_i, .shift_i, .raw_o(raw), .saturated_o(saturated));

  // An integer chosen freely that the rule allows as E(value / 2^shift).
  (* anyseq *) logic signed [47:0] e;
  logic signed [65:0] distance, half;
  assign half = 66'sd1 << shift_i;  // half a step, in units of 2^-1
  assign distance = (66'(value_i) <<< 1) - (66'(e) <<< (5'(shift_i) + 5'd1));
  logic nearest;
  assign nearest = (distance < half && distance > -half) || ((distance == half || distance == -half) && !e[0]);

  logic signed [47:0] limit, x;
  assign limit = raw16_i ? 48'sd32767 : 48'sd2147483647;
  assign x = e > limit ? limit : e < -limit ? -limit : e;
  always_comb begin
    assume (value_i < 48'sh4000_0000_0000 && value_i > -48'sh4000_0000_0000);
    assume (raw16_i || shift_i == 4'd0);
    assume (nearest);
    assert (raw == x[31:0]);
    assert (saturated == (e > limit || e < -limit));
    cover (raw16_i && shift_i == 4'd7 && distance == half && !saturated);
  end
endmodule
