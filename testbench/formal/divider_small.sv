// bl_divider, all divisions of up to 6 steps by divisors below 2^6: done_o is high in the cycle of the last step, and from
// the next one on quotient * divisor + rest = first * 2^steps + bits, with rest < divisor.
//@ rtl: bl_divider
//@ cycles: 9
//@ part: long
//@ break: bl_divider.sv | assign fits = next >= {1'b0, divisor_q}; | assign fits = next > {1'b0, divisor_q};
//@ break: bl_divider.sv | bits_q <= {bits_q[46:0], fits}; | bits_q <= {bits_q[46:0], !fits};
//@ break: bl_divider.sv | left_q <= steps_i; | left_q <= steps_i + 6'd1;
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

  logic [3:0] cycle = 4'd0;  // reset in cycle 0, start in 1, the last step in 1 + steps
  logic [5:0] divisor;
  logic [3:0] steps;
  logic [11:0] dividend;
  always_ff @(posedge clk_i) begin
    cycle <= cycle + 4'd1;
    if (start_i) begin
      divisor <= divisor_i[5:0];
      steps <= steps_i[3:0];
      // The dividend's further bits come from bit 47 down.
      dividend <= ({6'd0, first_i[5:0]} << steps_i[3:0]) | ({6'd0, bits_i[47:42]} >> (4'd6 - steps_i[3:0]));
    end
  end

  logic [5:0] whole;
  assign whole = quotient[5:0] & 6'((7'd1 << steps) - 7'd1);
  always_comb begin
    assume (rst_ni == (cycle != 4'd0) && start_i == (cycle == 4'd1));
    assume (first_i < divisor_i && divisor_i < 32'd64 && steps_i >= 6'd1 && steps_i <= 6'd6);
    if (cycle > 4'd1) assert (done == (cycle == 4'd1 + steps));
    if (cycle > 4'd1 && cycle > 4'd1 + steps) begin
      assert (12'(whole) * 12'(divisor) + 12'(\dut.rest_q ) == dividend);
      assert (\dut.rest_q < {26'd0, divisor});
      assert (inexact == (\dut.rest_q != 32'd0));
      cover (steps == 4'd6 && whole == 6'd37 && inexact);
    end
  end
endmodule
