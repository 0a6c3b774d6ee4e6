// A scratchpad: Lanes operand rows side by side, two buffers of Words words each. A write goes to one lane, or transposed
// to one byte of every lane of one tile or several; a read takes the same word of all lanes. A read gives its word in the next cycle and holds
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
    input  logic                   transpose_i,
    input  logic                   wbuffer_i,
    input  logic [            5:0] wlane_i,
    input  logic [           15:0] waddr_i,
    // transposed: element i of wdata_i goes to lane i mod Lanes of tile i / Lanes, at a byte's bit, and is present
    input  logic [           15:0] wstep_i,      // words from tile to tile
    input  logic [            8:0] wtiles_i,     // that are written
    input  logic [            5:0] wbyte_i,
    input  logic [            2:0] wbit_i,       // 0 clears the rest of the byte
    input  logic [            2:0] wwidth_i,     // of an element, as LOCAL_BITS
    input  logic [       Bits-1:0] wdata_i,
    input  logic [      Bytes-1:0] wpresent_i,
    input  logic                   re_i,
    input  logic                   rbuffer_i,
    input  logic [           15:0] raddr_i,
    output logic [ Lanes*Bits-1:0] rdata_o,
    output logic [Lanes*Bytes-1:0] rpresent_o    // all ones without Present
);

  localparam int AddrW = $clog2(2 * Words);
  localparam int Filled = (8 * Bytes + Lanes - 1) / Lanes;  // tiles that a word of one-bit elements fills
  localparam int Tiles = Filled < bl_pkg::WORD_TILES ? Filled : bl_pkg::WORD_TILES;

  logic [Lanes*Bits-1:0] memory [2*Words];
  logic [Lanes*Bits-1:0] rdata_q;
  logic [15:0] waddr, raddr;

  // Transposed: each element at its bits of a byte, and which bits of a lane's word it replaces.
  logic [Tiles*Lanes*8-1:0] elements;
  logic [7:0] byte_mask;
  logic [Bits-1:0] mask;
  always_comb begin
    case (wwidth_i)
      bl_pkg::WIDTH_BITS1: byte_mask = 8'h01;
      bl_pkg::WIDTH_BITS4: byte_mask = 8'h0f;
      default: byte_mask = 8'hff;
    endcase
    byte_mask = (wbit_i == 3'd0) ? 8'hff : byte_mask << wbit_i;  // the first one clears the rest of the byte
    mask = Bits'(byte_mask) << {wbyte_i, 3'd0};
  end
  always_comb begin
    elements = '0;
    case (wwidth_i)
      bl_pkg::WIDTH_BITS1: begin
        for (int i = 0; i < 8 * Bytes; i++) if (i < Tiles * Lanes) elements[i*8+:8] = {7'd0, wdata_i[i]} << wbit_i;
      end
      bl_pkg::WIDTH_BITS4: begin
        for (int i = 0; i < 2 * Bytes; i++) if (i < Tiles * Lanes) elements[i*8+:8] = {4'd0, wdata_i[i*4+:4]} << wbit_i;
      end
      default: for (int i = 0; i < Bytes; i++) if (i < Tiles * Lanes) elements[i*8+:8] = wdata_i[i*8+:8];
    endcase
  end

  assign waddr = wbuffer_i ? waddr_i + 16'(Words) : waddr_i;
  assign raddr = rbuffer_i ? raddr_i + 16'(Words) : raddr_i;

  always_ff @(posedge clk_i) begin
    if (we_i && !transpose_i) begin
      for (int i = 0; i < Lanes; i++) begin
        if (wlane_i == 6'(i)) memory[waddr[AddrW-1:0]][i*Bits+:Bits] <= wdata_i;
      end
    end
    if (we_i && transpose_i) begin : columns
      logic [Lanes*Bits-1:0] tile;
      logic [7:0] element;
      logic [15:0] at;
      at = waddr;
      for (int t = 0; t < Tiles; t++) begin
        if (9'(t) < wtiles_i) begin
          tile = memory[at[AddrW-1:0]];
          for (int i = 0; i < Lanes; i++) begin
            element = elements[(t*Lanes+i)*8+:8];
            tile[i*Bits+:Bits] = (tile[i*Bits+:Bits] & ~mask) | ({Bytes{element}} & mask);
          end
          memory[at[AddrW-1:0]] <= tile;
        end
        at = at + wstep_i;
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
          if (wlane_i == 6'(i)) present[waddr[AddrW-1:0]][i*Bytes+:Bytes] <= wpresent_i;
        end
      end
      if (we_i && transpose_i) begin : columns_present
        logic [Lanes*Bytes-1:0] tile;
        logic [15:0] at;
        at = waddr;
        for (int t = 0; t < Tiles; t++) begin
          if (9'(t) < wtiles_i) begin
            tile = present[at[AddrW-1:0]];
            tile = tile | {Lanes{Bytes'(1) << wbyte_i}};
            present[at[AddrW-1:0]] <= tile;
          end
          at = at + wstep_i;
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
