// bl_divider at its full widths, for ever: each step takes the next bit of the dividend, and
//   2 * rest + bit = quotient bit * divisor + new rest, 0 <= new rest < divisor,
// provided that the first rest is below the divisor, as its users promise. Summed over the steps this is dividend = quotient *
// divisor + rest. The quotient bit enters at the bottom, the other bits move up, and there are exactly steps_i steps.
//@ rtl: bl_divider
//@ cycles: 6
//@ induction: 1
//@ part: quick
//@ break: bl_divider.sv | assign fits = next >= {1'b0, divisor_q}; | assign fits = next > {1'b0, divisor_q};
//@ break: bl_divider.sv | rest_q <= fits ? difference : next[31:0]; | rest_q <= fits ? next[31:0] : difference;
//@ break: bl_divider.sv | left_q <= left_q - 6'd1; | left_q <= left_q - 6'd2;
//@ break: bl_divider.sv | assign done_o = left_q == 6'd1; | assign done_o = left_q == 6'd0;
//@ break: bl_divider.sv | assign inexact_o = rest_q != 32'd0; | assign inexact_o = rest_q[31:1] != 31'd0;
module proof (
    input logic        clk_i,
    input logic        rst_ni,
    input logic        start_i,
    input logic [31:0] first_i,
    input logic [47:0] bits_i,
    input logic [31:0] divisor_i,
    input logic [ 5:0] steps_i
);
  logic done, inexact;
  logic [47:0] quotient;
  bl_divider dut (
      .clk_i, .rst_ni, .start_i, .first_i, .bits_i, .divisor_i, .steps_i, .done_o(done), .quotient_o(quotient),
      .inexact_o(inexact)
  );
  (* hierconn *) wire [31:0] \dut.rest_q ;
  (* hierconn *) wire [31:0] \dut.divisor_q ;
  (* hierconn *) wire [5:0] \dut.left_q ;

  logic begun = 1'b0;
  logic started = 1'b0, stepped = 1'b0;
  logic [31:0] rest, divisor;  // before the step of the last cycle
  logic [47:0] bits;
  logic [6:0] left;            // steps to come
  always_ff @(posedge clk_i) begin
    begun <= 1'b1;
    rest <= \dut.rest_q ;
    bits <= quotient;
    stepped <= rst_ni && !start_i && left != 7'd0;
    started <= rst_ni && (started || start_i);
    if (!rst_ni) left <= 7'd0;
    else if (start_i) left <= {1'b0, steps_i};
    else if (left != 7'd0) left <= left - 7'd1;
    if (start_i) divisor <= divisor_i;
  end

  logic [33:0] taken, made;
  assign taken = {1'b0, rest, bits[47]};
  assign made = (quotient[0] ? {2'd0, divisor} : 34'd0) + {2'd0, \dut.rest_q };
  always_comb begin
    assume (begun || !rst_ni);
    assume (!start_i || (first_i < divisor_i && steps_i >= 6'd1 && steps_i <= 6'd48));
    if (begun && started) begin
      if (stepped) assert (taken == made && quotient[47:1] == bits[46:0]);
      assert (\dut.rest_q < divisor && \dut.divisor_q == divisor);
      assert (done == (left == 7'd1));
      assert (inexact == (\dut.rest_q != 32'd0));
      assert ({1'b0, \dut.left_q } == left);
      cover (stepped && left == 7'd0 && quotient[0] && inexact);
    end else if (begun) assert (\dut.left_q == 6'd0 && left == 7'd0 && !done);
  end
endmodule
