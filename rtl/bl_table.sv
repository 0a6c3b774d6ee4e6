// The table T: scales, statistics and counts, 32 bits each. Entry 0 stays 0, and index 0xFFF reads the learning rate.
module bl_table (
    input  logic        clk_i,
    input  logic        rst_ni,
    input  logic        clear_i,   // T[1], the count of scale saturations, becomes 0
    input  logic        we_i,
    input  logic [11:0] waddr_i,
    input  logic [31:0] wdata_i,
    input  logic [11:0] raddr_i,
    output logic [31:0] rdata_o,   // of the same cycle
    input  logic [31:0] lr_i
);

  localparam int AddrW = $clog2(bl_pkg::TABLE_WORDS);
  localparam logic [11:0] Words = 12'(bl_pkg::TABLE_WORDS);

  // An entry that was never written, or was cleared, reads 0.
  logic [31:0] table_q[bl_pkg::TABLE_WORDS];
  logic [bl_pkg::TABLE_WORDS-1:0] written_q;
  logic writes;
  logic [AddrW-1:0] waddr, raddr;
  assign writes = we_i && waddr_i != 12'd0 && waddr_i < Words;
  assign waddr = waddr_i[AddrW-1:0];
  assign raddr = raddr_i[AddrW-1:0];

  always_ff @(posedge clk_i) begin
    if (!rst_ni) written_q <= '0;
    else if (clear_i) written_q[1] <= 1'b0;
    else if (writes) written_q[waddr] <= 1'b1;
  end

  always_ff @(posedge clk_i) begin
    if (writes) table_q[waddr] <= wdata_i;
  end

  always_comb begin
    if (raddr_i == bl_pkg::TABLE_LEARNING_RATE) rdata_o = lr_i;
    else if (raddr_i < Words && written_q[raddr]) rdata_o = table_q[raddr];
    else rdata_o = 32'd0;
  end

endmodule
