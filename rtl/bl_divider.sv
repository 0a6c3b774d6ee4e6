// Restoring divider, one quotient bit a cycle: start_i takes a first remainder (below the divisor), the dividend's further
// bits from bit 47 down, and how many of them there are (1 to 48); done_o is high in the cycle of the last step, and the
// quotient can be read from the next cycle on.
module bl_divider (
    input  logic        clk_i,
    input  logic        rst_ni,
    input  logic        start_i,
    input  logic [31:0] first_i,
    input  logic [47:0] bits_i,
    input  logic [31:0] divisor_i,
    input  logic [ 5:0] steps_i,
    output logic        done_o,
    output logic [47:0] quotient_o,
    output logic        inexact_o    // a remainder is left
);

  logic [31:0] rest_q, divisor_q;
  logic [47:0] bits_q;  // dividend bits leave at the top, quotient bits enter at the bottom
  logic [5:0] left_q;
  logic [32:0] next;
  logic [31:0] difference;
  logic fits;

  assign next = {rest_q, bits_q[47]};
  assign difference = next[31:0] - divisor_q;
  assign fits = next >= {1'b0, divisor_q};
  assign done_o = left_q == 6'd1;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      rest_q <= 32'd0;
      divisor_q <= 32'd0;
      bits_q <= 48'd0;
      left_q <= 6'd0;
    end else if (start_i) begin
      rest_q <= first_i;
      divisor_q <= divisor_i;
      bits_q <= bits_i;
      left_q <= steps_i;
    end else if (left_q != 6'd0) begin
      rest_q <= fits ? difference : next[31:0];
      bits_q <= {bits_q[46:0], fits};
      left_q <= left_q - 6'd1;
    end
  end

  assign quotient_o = bits_q;
  assign inexact_o = rest_q != 32'd0;

endmodule
