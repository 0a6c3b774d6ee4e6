// The transpose buffer: takes the codes of a tile group by group and gives them back column by column, zero below the
// tile's last row.
module bl_transpose #(
    parameter int RowW = bl_pkg::ROWS > 1 ? $clog2(bl_pkg::ROWS) : 1,
    parameter int Groups = (bl_pkg::COLS + bl_pkg::LANES - 1) / bl_pkg::LANES,
    parameter int GroupW = Groups > 1 ? $clog2(Groups) : 1,
    parameter int ColW = $clog2(Groups * bl_pkg::LANES)
) (
    input  logic                        clk_i,
    input  logic                        we_i,
    input  logic [            RowW-1:0] row_i,
    input  logic [          GroupW-1:0] group_i,
    input  logic [bl_pkg::LANES*8-1:0] codes_i,
    input  logic [            ColW-1:0] col_i,
    input  logic [                15:0] rows_i,
    output logic [ bl_pkg::ROWS*8-1:0] column_o
);

  logic [Groups*bl_pkg::LANES*8-1:0] codes_q[bl_pkg::ROWS];

  always_ff @(posedge clk_i) begin
    if (we_i) codes_q[row_i][group_i*bl_pkg::LANES*8+:bl_pkg::LANES*8] <= codes_i;
  end

  always_comb begin
    for (int i = 0; i < bl_pkg::ROWS; i++) begin
      column_o[i*8+:8] = (16'(i) < rows_i) ? codes_q[i][col_i*8+:8] : 8'd0;
    end
  end

endmodule
