// The commands TABLE_LOAD and TABLE_STORE: one table entry a cycle, row by row, LANES of them in a word of VIN or VOUT.
module bl_table_copy #(
    parameter int V = bl_pkg::LANES,
    parameter int VinW = bl_pkg::VIN_WORDS > 1 ? $clog2(bl_pkg::VIN_WORDS) : 1,
    parameter int RawW = bl_pkg::VOUT_WORDS > 1 ? $clog2(bl_pkg::VOUT_WORDS) : 1
) (
    input  logic            clk_i,
    input  logic            rst_ni,
    input  logic            run_i,          // from the first cycle until the cycle of done_o
    output logic            done_o,
    input  logic            store_i,        // TABLE_STORE
    input  logic [   511:0] cmd_i,
    input  logic [    15:0] rows_i,
    input  logic [    15:0] cols_i,
    input  logic [    31:0] col0_i,
    input  logic            parity_i,
    output logic [    15:0] table_addr_o,
    input  logic [    31:0] table_data_i,
    output logic            table_we_o,
    output logic [    15:0] table_waddr_o,
    output logic [    31:0] table_wdata_o,
    output logic [VinW-1:0] vin_addr_o,
    input  logic [ V*32-1:0] vin_data_i,
    output logic            raw_we_o,
    output logic [RawW-1:0] raw_addr_o,
    output logic [ V*32-1:0] raw_data_o
);

  localparam int LogV = $clog2(V);

  logic [15:0] cols, groups, section, vin_word;
  assign cols = cmd_i[bl_pkg::F_COLS_LSB+:16];
  assign groups = 16'(({1'b0, cols} + 17'(V - 1)) >> LogV);
  assign section = parity_i ? cmd_i[bl_pkg::F_VIN_STRIDE_LSB+:16] : 16'd0;

  // The entry of this cycle, and in the next cycle that of its data.
  logic running_q, data_q, ended_q, ends_row, last;
  logic [15:0] row_q, col_q, row_word_q;
  logic [15:0] row_entry_q, entry, entry_q;
  logic [LogV-1:0] lane_q;
  logic [15:0] word_at_q;
  logic flush_q;
  logic [V*32-1:0] word_q;
  assign ends_row = col_q + 16'd1 >= cols_i;
  assign last = ends_row && row_q + 16'd1 >= rows_i;
  assign entry = row_entry_q + col_q;
  assign done_o = ended_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      {running_q, data_q, ended_q, flush_q} <= 4'd0;
      {row_q, col_q, row_word_q, word_at_q} <= 64'd0;
      {row_entry_q, entry_q} <= 32'd0;
      lane_q <= '0;
      word_q <= '0;
    end else if (!running_q) begin
      running_q <= run_i && !ended_q;
      {data_q, ended_q, flush_q} <= 3'd0;
      {row_q, col_q} <= 32'd0;
      row_word_q <= section;
      row_entry_q <= cmd_i[bl_pkg::F_DST_LSB+:16] + col0_i[15:0];
      word_q <= '0;
    end else begin
      running_q <= !last;
      ended_q <= last;
      data_q <= 1'b1;
      entry_q <= entry;
      lane_q <= col_q[LogV-1:0];
      word_at_q <= row_word_q + (col_q >> LogV);
      flush_q <= ends_row || col_q[LogV-1:0] == '1;
      if (flush_q) word_q <= '0;
      word_q[col_q[LogV-1:0]*32+:32] <= table_data_i;
      col_q <= col_q + 16'd1;
      if (ends_row) begin
        col_q <= 16'd0;
        row_q <= row_q + 16'd1;
        row_word_q <= row_word_q + groups;
        row_entry_q <= row_entry_q + cmd_i[bl_pkg::F_TABLE_PITCH_LSB+:16];
      end
    end
  end

  // TABLE_LOAD: the address of an entry, and its data one cycle later.
  assign vin_word = cmd_i[bl_pkg::F_VIN_BASE_LSB+:16] + row_word_q + (col_q >> LogV);
  assign vin_addr_o = vin_word[VinW-1:0];
  assign table_we_o = data_q && !store_i;
  assign table_waddr_o = entry_q;
  assign table_wdata_o = vin_data_i[lane_q*32+:32];

  // TABLE_STORE: entries gather in a word, which is written when it is full or the row's last.
  assign table_addr_o = entry;
  assign raw_we_o = data_q && store_i && flush_q;
  assign raw_addr_o = word_at_q[RawW-1:0];
  assign raw_data_o = word_q;

  logic unused_bits;
  assign unused_bits = ^{cmd_i, col0_i, vin_word, word_at_q};

endmodule
