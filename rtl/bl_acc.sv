// The accumulator memory: tiles of R rows x C accumulators of 48 bits. The array adds to whole rows of one tile while the
// vector unit reads groups of LANES accumulators of another.
module bl_acc #(
    localparam int RowW = (bl_pkg::ROWS > 1) ? $clog2(bl_pkg::ROWS) : 1,
    localparam int Groups = (bl_pkg::COLS + bl_pkg::LANES - 1) / bl_pkg::LANES,
    localparam int GroupW = (Groups > 1) ? $clog2(Groups) : 1
) (
    input  logic                          clk_i,
    // array
    input  logic                          re_i,
    input  logic [                   7:0] tile_i,
    input  logic [                   5:0] row_i,
    output logic [   bl_pkg::COLS*48-1:0] rdata_o,    // in the cycle after re_i
    input  logic                          we_i,       // writes the row that was read last
    input  logic [   bl_pkg::COLS*48-1:0] wdata_i,
    // vector unit
    input  logic [                   7:0] acc_tile_i,
    input  logic [              RowW-1:0] acc_row_i,
    input  logic [            GroupW-1:0] acc_group_i,
    output logic [  bl_pkg::LANES*48-1:0] acc_data_o  // in the next cycle; columns beyond C are 0
);

  localparam int Bits = bl_pkg::COLS * 48;
  localparam int GroupBits = bl_pkg::LANES * 48;

  localparam int Rows = bl_pkg::ACC_TILES * bl_pkg::ROWS;
  localparam int AddrW = $clog2(Rows);

  logic [Bits-1:0] memory [Rows];
  logic [Bits-1:0] rdata_q;
  logic [GroupBits-1:0] acc_q;
  logic [Groups*GroupBits-1:0] acc_row;
  logic [15:0] read, vector;  // rows of the memory
  logic [AddrW-1:0] write_q;

  assign read = 16'(tile_i) * 16'(bl_pkg::ROWS) + 16'(row_i);
  assign vector = 16'(acc_tile_i) * 16'(bl_pkg::ROWS) + 16'(acc_row_i);

  always_comb begin
    acc_row = '0;
    acc_row[Bits-1:0] = memory[vector[AddrW-1:0]];
  end

  always_ff @(posedge clk_i) begin
    if (we_i) memory[write_q] <= wdata_i;
    if (re_i) begin
      rdata_q <= memory[read[AddrW-1:0]];
      write_q <= read[AddrW-1:0];
    end
    for (int g = 0; g < Groups; g++) begin
      if (acc_group_i == GroupW'(g)) acc_q <= acc_row[g*GroupBits+:GroupBits];
    end
  end

  assign rdata_o = rdata_q;
  assign acc_data_o = acc_q;

  logic unused_row;
  assign unused_row = ^{read[15:AddrW], vector[15:AddrW]};

endmodule
