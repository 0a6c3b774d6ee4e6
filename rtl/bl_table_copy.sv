// The commands TABLE_LOAD and TABLE_STORE: one table entry a cycle, LANES of them in a word of VIN or VOUT.
module bl_table_copy #(
    parameter int V = bl_pkg::LANES,
    parameter int W = bl_pkg::AXI_BYTES,
    parameter int VinW = bl_pkg::VIN_WORDS > 1 ? $clog2(bl_pkg::VIN_WORDS) : 1,
    parameter int RawW = bl_pkg::VOUT_WORDS > 1 ? $clog2(bl_pkg::VOUT_WORDS) : 1
) (
    input  logic            clk_i,
    input  logic            rst_ni,
    input  logic            run_i,          // from the first cycle until the cycle of done_o
    output logic            done_o,
    input  logic            store_i,        // TABLE_STORE
    input  logic [   511:0] cmd_i,
    input  logic [    15:0] cols_i,
    output logic [    11:0] table_addr_o,
    input  logic [    31:0] table_data_i,
    output logic            table_we_o,
    output logic [    11:0] table_waddr_o,
    output logic [    31:0] table_wdata_o,
    output logic [VinW-1:0] vin_addr_o,
    input  logic [ W*8-1:0] vin_data_i,
    output logic            raw_we_o,
    output logic [RawW-1:0] raw_addr_o,
    output logic [ W*8-1:0] raw_data_o
);

  localparam int LogV = $clog2(V);

  logic running_q, data_q;        // data_q: the entry before `entry_q` is in its data cycle
  logic [15:0] entry_q, entry;
  logic [W*8-1:0] word_q;
  logic at_end, full;
  logic [11:0] dst;
  logic [15:0] vin_word, raw_word;

  assign dst = cmd_i[bl_pkg::F_DST_LSB+:12];
  assign at_end = entry_q >= cols_i;
  assign entry = entry_q - 16'd1;
  assign done_o = running_q && at_end;
  logic unused_bits;
  assign unused_bits = ^{cmd_i, vin_word, raw_word, entry};

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      running_q <= 1'b0;
      data_q <= 1'b0;
      entry_q <= 16'd0;
      word_q <= '0;
    end else if (!running_q) begin
      running_q <= run_i;
      data_q <= 1'b0;
      entry_q <= 16'd0;
      word_q <= '0;
    end else begin
      running_q <= !at_end;
      data_q <= !at_end;
      entry_q <= entry_q + 16'd1;
      if (raw_we_o) word_q <= '0;
      if (!at_end) word_q[entry_q[LogV-1:0]*32+:32] <= table_data_i;
    end
  end

  // TABLE_LOAD: the address of an entry, and its data one cycle later.
  assign vin_word = cmd_i[bl_pkg::F_VIN_BASE_LSB+:16] + (entry_q >> LogV);
  assign vin_addr_o = vin_word[VinW-1:0];
  assign table_we_o = data_q && !store_i;
  assign table_waddr_o = dst + entry[11:0];
  assign table_wdata_o = vin_data_i[entry[LogV-1:0]*32+:32];

  // TABLE_STORE: entries gather in a word, which is written when it is full or the last.
  assign table_addr_o = dst + entry_q[11:0];
  assign full = entry_q[LogV-1:0] == '0 || at_end;
  assign raw_we_o = data_q && store_i && full;
  assign raw_word = entry >> LogV;
  assign raw_addr_o = raw_word[RawW-1:0];
  assign raw_data_o = word_q;

endmodule
