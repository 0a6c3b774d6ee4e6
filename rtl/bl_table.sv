// The table T: scales, statistics and counts, 32 bits each. Entry 0 reads 0, index 0xFFFF the learning rate, and an
// entry that was never written anything.
module bl_table (
    input  logic        clk_i,
    input  logic        clear_i,   // T[1], the count of scale saturations, becomes 0; no write then
    input  logic        we_i,
    input  logic [15:0] waddr_i,
    input  logic [31:0] wdata_i,
    input  logic [15:0] raddr_i,
    output logic [31:0] rdata_o,   // of the same cycle
    input  logic [31:0] lr_i
);

  localparam int AddrW = $clog2(bl_pkg::TABLE_WORDS);
  localparam logic [15:0] Words = 16'(bl_pkg::TABLE_WORDS);

  logic [31:0] table_q[bl_pkg::TABLE_WORDS];
  logic [15:0] waddr;
  assign waddr = clear_i ? 16'd1 : waddr_i;

  always_ff @(posedge clk_i) begin
    if ((we_i || clear_i) && waddr < Words) table_q[waddr[AddrW-1:0]] <= clear_i ? 32'd0 : wdata_i;
  end

  always_comb begin
    if (raddr_i == bl_pkg::TABLE_LEARNING_RATE) rdata_o = lr_i;
    else if (raddr_i != 16'd0 && raddr_i < Words) rdata_o = table_q[raddr_i[AddrW-1:0]];
    else rdata_o = 32'd0;
  end

endmodule
