// Floor of the square root of an integer of 2 * Bits bits, one result bit a cycle: done_o is high in the Bits-th cycle after start_i's, and the
// root can be read from the next cycle on.
module bl_root #(
    parameter int Bits = 21
) (
    input  logic              clk_i,
    input  logic              rst_ni,
    input  logic              start_i,
    input  logic [2*Bits-1:0] square_i,
    output logic              done_o,
    output logic [  Bits-1:0] root_o
);

  logic [2*Bits-1:0] square_q;
  logic [Bits+2:0] rest_q, next, trial;
  logic [Bits-1:0] root_q;
  logic [5:0] left_q;
  logic fits;

  assign next = {rest_q[Bits:0], square_q[2*Bits-1-:2]};
  assign trial = {1'b0, root_q, 2'b01};
  assign fits = next >= trial;
  assign done_o = left_q == 6'd1;
  assign root_o = root_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      square_q <= '0;
      rest_q <= '0;
      root_q <= '0;
      left_q <= '0;
    end else if (start_i) begin
      square_q <= square_i;
      rest_q <= '0;
      root_q <= '0;
      left_q <= 6'(Bits);
    end else if (left_q != 6'd0) begin
      square_q <= {square_q[2*Bits-3:0], 2'b00};
      rest_q <= fits ? next - trial : next;
      root_q <= {root_q[Bits-2:0], fits};
      left_q <= left_q - 6'd1;
    end
  end

  logic unused_rest;
  assign unused_rest = ^rest_q[Bits+2:Bits+1];

endmodule
