// Walks the groups of a tile down each column of groups, one step a cycle in which step_i is high: what belongs to columns, as coefficients and sums
// do, is needed by one column after the other.
module bl_walk (
    input  logic        clk_i,
    input  logic        rst_ni,
    input  logic        start_i,   // the walk is at its first group in the next cycle
    input  logic        step_i,
    input  logic [15:0] rows_i,    // at least 1
    input  logic [15:0] groups_i,  // of a row, at least 1
    output logic        active_o,
    output logic        last_o,    // at the last group of the tile
    output logic [15:0] row_o,
    output logic [15:0] group_o,
    output logic [15:0] index_o    // row * groups + group
);

  logic active_q, ends_column;
  logic [15:0] row_q, group_q, index_q;

  assign ends_column = row_q + 16'd1 >= rows_i;
  assign last_o = active_q && ends_column && group_q + 16'd1 >= groups_i;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      active_q <= 1'b0;
      row_q <= 16'd0;
      group_q <= 16'd0;
      index_q <= 16'd0;
    end else if (start_i) begin
      active_q <= 1'b1;
      row_q <= 16'd0;
      group_q <= 16'd0;
      index_q <= 16'd0;
    end else if (active_q && step_i) begin
      active_q <= !last_o;
      index_q <= ends_column ? group_q + 16'd1 : index_q + groups_i;
      row_q <= ends_column ? 16'd0 : row_q + 16'd1;
      if (ends_column) group_q <= group_q + 16'd1;
    end
  end

  assign active_o = active_q;
  assign row_o = row_q;
  assign group_o = group_q;
  assign index_o = index_q;

endmodule
