// The accumulator memory: two buffers of R rows x C accumulators of 48 bits. The array adds to whole rows of one buffer while
// the vector unit reads groups of LANES accumulators of the other.
module bl_acc #(
    localparam int RowW = (bl_pkg::ROWS > 1) ? $clog2(bl_pkg::ROWS) : 1,
    localparam int Groups = (bl_pkg::COLS + bl_pkg::LANES - 1) / bl_pkg::LANES,
    localparam int GroupW = (Groups > 1) ? $clog2(Groups) : 1
) (
    input  logic                          clk_i,
    // array
    input  logic                          re_i,
    input  logic                          buffer_i,
    input  logic [                   4:0] rrow_i,
    output logic [   bl_pkg::COLS*48-1:0] rdata_o,    // in the cycle after re_i
    input  logic                          we_i,
    input  logic [                   4:0] wrow_i,
    input  logic [   bl_pkg::COLS*48-1:0] wdata_i,
    // vector unit
    input  logic                          acc_buf_i,
    input  logic [              RowW-1:0] acc_row_i,
    input  logic [            GroupW-1:0] acc_group_i,
    output logic [  bl_pkg::LANES*48-1:0] acc_data_o  // in the next cycle; columns beyond C are 0
);

  localparam int Bits = bl_pkg::COLS * 48;
  localparam int GroupBits = bl_pkg::LANES * 48;

  logic [Bits-1:0] memory0 [bl_pkg::ROWS];
  logic [Bits-1:0] memory1 [bl_pkg::ROWS];
  logic [Bits-1:0] rdata_q;
  logic [GroupBits-1:0] acc_q;
  logic [Groups*GroupBits-1:0] acc_row;

  always_comb begin
    acc_row = '0;
    acc_row[Bits-1:0] = acc_buf_i ? memory1[acc_row_i] : memory0[acc_row_i];
  end

  always_ff @(posedge clk_i) begin
    if (we_i && !buffer_i) memory0[wrow_i[RowW-1:0]] <= wdata_i;
    if (we_i && buffer_i) memory1[wrow_i[RowW-1:0]] <= wdata_i;
    if (re_i) rdata_q <= buffer_i ? memory1[rrow_i[RowW-1:0]] : memory0[rrow_i[RowW-1:0]];
    for (int g = 0; g < Groups; g++) begin
      if (acc_group_i == GroupW'(g)) acc_q <= acc_row[g*GroupBits+:GroupBits];
    end
  end

  assign rdata_o = rdata_q;
  assign acc_data_o = acc_q;

  if (RowW < 5) begin : g_unused
    logic unused_row;
    assign unused_row = ^{rrow_i[4:RowW], wrow_i[4:RowW]};
  end

endmodule
