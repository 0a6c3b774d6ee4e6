// The R x C array of multiply-accumulate cells, output-stationary: in every enabled cycle row r's byte meets column c's byte in
// cell (r, c). A byte is one int8, or with bits4 two int4 of the reduction whose products are summed. 32-bit accumulators.
module bl_array (
    input  logic                         clk_i,
    input  logic                         mac_i,
    input  logic                         first_i,  // start new sums
    input  logic                         bits4_i,
    input  logic [   bl_pkg::ROWS*8-1:0] a_i,
    input  logic [   bl_pkg::COLS*8-1:0] b_i,
    input  logic                         re_i,
    input  logic [                  4:0] row_i,
    output logic [  bl_pkg::COLS*32-1:0] row_o     // in the cycle after re_i
);

  localparam int Rows = bl_pkg::ROWS;
  localparam int Cols = bl_pkg::COLS;

  logic [Rows*Cols*32-1:0] sum_q;
  logic [Cols*32-1:0] row_q;

  always_ff @(posedge clk_i) begin
    if (mac_i) begin
      for (int r = 0; r < Rows; r++) begin
        for (int c = 0; c < Cols; c++) begin
          sum_q[(r*Cols+c)*32+:32] <= (first_i ? 32'd0 : sum_q[(r*Cols+c)*32+:32]) + (bits4_i ?
              32'($signed(a_i[r*8+:4])) * 32'($signed(b_i[c*8+:4])) +
              32'($signed(a_i[r*8+4+:4])) * 32'($signed(b_i[c*8+4+:4])) :
              32'($signed(a_i[r*8+:8])) * 32'($signed(b_i[c*8+:8])));
        end
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (re_i) begin
      for (int r = 0; r < Rows; r++) begin
        if (row_i == 5'(r)) row_q <= sum_q[r*Cols*32+:Cols*32];
      end
    end
  end
  assign row_o = row_q;

endmodule
