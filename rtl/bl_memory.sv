// One write port and one read port. A write covers the Units of Bits bits whose enable is set; a read gives its word in
// the next cycle and holds it until the next read. A word read in the cycle of its write is the old one.
module bl_memory #(
    parameter int Words = 16,
    parameter int Units = 1,
    parameter int Bits = 64,
    localparam int AddrW = (Words > 1) ? $clog2(Words) : 1
) (
    input  logic                  clk_i,
    input  logic [     Units-1:0] we_i,
    input  logic [     AddrW-1:0] waddr_i,
    input  logic [Units*Bits-1:0] wdata_i,
    input  logic                  re_i,
    input  logic [     AddrW-1:0] raddr_i,
    output logic [Units*Bits-1:0] rdata_o
);

  logic [Units*Bits-1:0] memory [Words];
  logic [Units*Bits-1:0] rdata_q;

  if (Units == 1) begin : g_whole
    always_ff @(posedge clk_i) begin
      if (we_i[0]) memory[waddr_i] <= wdata_i;
    end
  end else begin : g_units
    always_ff @(posedge clk_i) begin
      if (|we_i) begin
        for (int i = 0; i < Units; i++) begin
          if (we_i[i]) memory[waddr_i][i*Bits+:Bits] <= wdata_i[i*Bits+:Bits];
        end
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (re_i) rdata_q <= memory[raddr_i];
  end

  assign rdata_o = rdata_q;

endmodule
