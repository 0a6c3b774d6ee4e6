// A scratchpad: Lanes operand rows side by side, two buffers of Words words each. A write goes to one lane, or transposed
// to one byte of every lane; a read takes the same word of all lanes. A read gives its word in the next cycle and holds
// it until the next read. With Present a bit for each byte says whether the byte is an operand or padding.
module bl_lane_memory #(
    parameter int Lanes = 4,
    parameter int Words = 8,  // of one buffer
    parameter bit Present = 1'b0,
    localparam int Bytes = bl_pkg::AXI_BYTES,
    localparam int Bits = Bytes * 8
) (
    input  logic                   clk_i,
    input  logic                   we_i,
    input  logic                   transpose_i,  // byte i of wdata_i is byte wbyte_i of lane i, and present
    input  logic                   wbuffer_i,
    input  logic [            4:0] wlane_i,
    input  logic [           15:0] waddr_i,
    input  logic [            4:0] wbyte_i,
    input  logic [       Bits-1:0] wdata_i,
    input  logic [      Bytes-1:0] wpresent_i,
    input  logic                   re_i,
    input  logic                   rbuffer_i,
    input  logic [           15:0] raddr_i,
    output logic [ Lanes*Bits-1:0] rdata_o,
    output logic [Lanes*Bytes-1:0] rpresent_o    // all ones without Present
);

  localparam int AddrW = $clog2(2 * Words);

  logic [Lanes*Bits-1:0] memory [2*Words];
  logic [Lanes*Bits-1:0] rdata_q;
  logic [15:0] waddr, raddr;

  assign waddr = wbuffer_i ? waddr_i + 16'(Words) : waddr_i;
  assign raddr = rbuffer_i ? raddr_i + 16'(Words) : raddr_i;

  always_ff @(posedge clk_i) begin
    if (we_i && !transpose_i) begin
      for (int i = 0; i < Lanes; i++) begin
        if (wlane_i == 5'(i)) memory[waddr[AddrW-1:0]][i*Bits+:Bits] <= wdata_i;
      end
    end
    if (we_i && transpose_i) begin
      for (int b = 0; b < Bytes; b++) begin
        if (wbyte_i == 5'(b)) begin
          for (int i = 0; i < Lanes; i++) memory[waddr[AddrW-1:0]][i*Bits+b*8+:8] <= wdata_i[i*8+:8];
        end
      end
    end
    if (re_i) rdata_q <= memory[raddr[AddrW-1:0]];
  end
  assign rdata_o = rdata_q;

  if (Present) begin : g_present
    logic [Lanes*Bytes-1:0] present [2*Words];
    logic [Lanes*Bytes-1:0] rpresent_q;
    always_ff @(posedge clk_i) begin
      if (we_i && !transpose_i) begin
        for (int i = 0; i < Lanes; i++) begin
          if (wlane_i == 5'(i)) present[waddr[AddrW-1:0]][i*Bytes+:Bytes] <= wpresent_i;
        end
      end
      if (we_i && transpose_i) begin
        for (int b = 0; b < Bytes; b++) begin
          if (wbyte_i == 5'(b)) begin
            for (int i = 0; i < Lanes; i++) present[waddr[AddrW-1:0]][i*Bytes+b] <= 1'b1;
          end
        end
      end
      if (re_i) rpresent_q <= present[raddr[AddrW-1:0]];
    end
    assign rpresent_o = rpresent_q;
  end else begin : g_no_present
    logic unused_present;
    assign unused_present = ^wpresent_i;
    assign rpresent_o = '1;
  end

  logic unused_address;
  assign unused_address = ^{waddr[15:AddrW], raddr[15:AddrW]};

endmodule
