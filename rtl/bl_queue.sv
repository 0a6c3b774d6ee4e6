// A first-in first-out buffer of commands. A word pushed at an edge is at the head from the next cycle on.
module bl_queue #(
    parameter int Depth = 4,
    parameter int Width = 512
) (
    input  logic             clk_i,
    input  logic             rst_ni,
    input  logic             flush_i,
    input  logic             push_i,   // only while ready_o
    input  logic [Width-1:0] data_i,
    output logic             ready_o,
    output logic             valid_o,
    output logic [Width-1:0] data_o,
    input  logic             pop_i     // only while valid_o
);

  localparam int PointerW = (Depth > 1) ? $clog2(Depth) : 1;
  localparam int CountW = $clog2(Depth + 1);

  logic [Width-1:0] memory [Depth];
  logic [PointerW-1:0] read_q, write_q;
  logic [CountW-1:0] count_q;

  assign ready_o = (count_q != CountW'(Depth));
  assign valid_o = (count_q != '0);
  assign data_o  = memory[read_q];

  always_ff @(posedge clk_i) begin
    if (push_i) memory[write_q] <= data_i;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni || flush_i) begin
      read_q  <= '0;
      write_q <= '0;
      count_q <= '0;
    end else begin
      if (push_i) write_q <= (write_q == PointerW'(Depth - 1)) ? '0 : write_q + 1'b1;
      if (pop_i) read_q <= (read_q == PointerW'(Depth - 1)) ? '0 : read_q + 1'b1;
      count_q <= count_q + CountW'(push_i) - CountW'(pop_i);
    end
  end

endmodule
