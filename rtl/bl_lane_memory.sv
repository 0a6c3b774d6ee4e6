// A scratchpad: Lanes operand rows side by side, two buffers of Words words each. A write goes to one lane, a read takes
// the same word of all lanes. A read gives its word in the next cycle and holds it until the next read.
module bl_lane_memory #(
    parameter int Lanes = 4,
    parameter int Words = 8,  // of one buffer
    localparam int Bits = bl_pkg::AXI_BYTES * 8
) (
    input  logic                  clk_i,
    input  logic                  we_i,
    input  logic                  wbuffer_i,
    input  logic [           4:0] wlane_i,
    input  logic [          15:0] waddr_i,
    input  logic [      Bits-1:0] wdata_i,
    input  logic                  re_i,
    input  logic                  rbuffer_i,
    input  logic [          15:0] raddr_i,
    output logic [Lanes*Bits-1:0] rdata_o
);

  localparam int AddrW = $clog2(2 * Words);

  logic [Lanes*Bits-1:0] memory [2*Words];
  logic [Lanes*Bits-1:0] rdata_q;
  logic [15:0] waddr, raddr;

  assign waddr = wbuffer_i ? waddr_i + 16'(Words) : waddr_i;
  assign raddr = rbuffer_i ? raddr_i + 16'(Words) : raddr_i;

  always_ff @(posedge clk_i) begin
    if (we_i) begin
      for (int i = 0; i < Lanes; i++) begin
        if (wlane_i == 5'(i)) memory[waddr[AddrW-1:0]][i*Bits+:Bits] <= wdata_i;
      end
    end
    if (re_i) rdata_q <= memory[raddr[AddrW-1:0]];
  end

  assign rdata_o = rdata_q;

  logic unused_address;
  assign unused_address = ^{waddr[15:AddrW], raddr[15:AddrW]};

endmodule
