// The vector queue's engine: runs TILE, UPDATE, LOSS, SCALAR, TABLE_LOAD and TABLE_STORE one at a time. It holds the table T,
// the bias memory, the random streams and the statistics; the commands' units share them. docs/timing_vector.md gives the
// cycles of every command.
//
// Memories: reads (ACC, VIN) answer one cycle after their address, writes need no answer. Addresses are words.
module bl_vector #(
    parameter int V = bl_pkg::LANES,
    parameter int W = bl_pkg::AXI_BYTES,
    parameter int Groups = (bl_pkg::COLS + V - 1) / V,
    parameter int RowW = bl_pkg::ROWS > 1 ? $clog2(bl_pkg::ROWS) : 1,
    parameter int GroupW = Groups > 1 ? $clog2(Groups) : 1,
    parameter int VinW = bl_pkg::VIN_WORDS > 1 ? $clog2(bl_pkg::VIN_WORDS) : 1,
    parameter int RawW = bl_pkg::VOUT_WORDS > 1 ? $clog2(bl_pkg::VOUT_WORDS) : 1,
    parameter int P1W = $clog2(2 * bl_pkg::ROWS),
    parameter int P2W = $clog2(2 * bl_pkg::COLS),
    parameter int MaskW = $clog2(2 * bl_pkg::MASK_WORDS)
) (
    input  logic              clk_i,
    input  logic              rst_ni,
    // Registers; start_i pulses when a new program starts
    input  logic              start_i,
    input  logic [      63:0] seed_i,
    input  logic [      31:0] step_i,
    input  logic [      31:0] lr_i,
    // The execution: held until the cycle of exec_done_o
    input  logic              exec_valid_i,
    input  logic [     511:0] exec_cmd_i,
    input  logic [      31:0] exec_addr_i,
    input  logic [      15:0] exec_rows_i,
    input  logic [      15:0] exec_cols_i,
    input  logic [      31:0] exec_row0_i,
    input  logic [      31:0] exec_col0_i,
    input  logic [      15:0] exec_i0_i,
    input  logic [      15:0] exec_i1_i,
    input  logic [      15:0] exec_i2_i,
    input  logic [       3:0] exec_par_i,
    input  logic              exec_first_i,
    input  logic              exec_last_i,
    output logic              exec_done_o,
    // Accumulators: V of 48 bits, of one row, from column group * V
    output logic              acc_buf_o,
    output logic [  RowW-1:0] acc_row_o,
    output logic [GroupW-1:0] acc_group_o,
    input  logic [  V*48-1:0] acc_data_i,
    // VIN
    output logic [  VinW-1:0] vin_addr_o,
    input  logic [   W*8-1:0] vin_data_i,
    // VOUT: raw words, row words, column words, mask
    output logic              raw_we_o,
    output logic [  RawW-1:0] raw_addr_o,
    output logic [   W*8-1:0] raw_data_o,
    output logic [     W-1:0] p1_be_o,
    output logic [   P1W-1:0] p1_addr_o,
    output logic [   W*8-1:0] p1_data_o,
    output logic [     W-1:0] p2_be_o,
    output logic [   P2W-1:0] p2_addr_o,
    output logic [   W*8-1:0] p2_data_o,
    output logic [     W-1:0] mask_be_o,
    output logic [ MaskW-1:0] mask_addr_o,
    output logic [   W*8-1:0] mask_data_o
);

  // ---- The execution
  logic [7:0] opcode;
  logic [1:0] slot;
  logic [11:0] stat;
  logic parity, begins, busy_q, unit_done, keeps_stats, has_stats;
  logic is_tile, is_update, is_loss, is_scalar, is_load, is_store, is_other;
  logic stats_save, stats_saving, stats_saved;
  assign opcode = exec_cmd_i[bl_pkg::F_OPCODE_LSB+:8];
  assign slot = exec_cmd_i[bl_pkg::F_INDEX_LSB+:2];
  assign stat = exec_cmd_i[bl_pkg::F_STAT_LSB+:12];
  assign parity = exec_par_i[exec_cmd_i[bl_pkg::F_PARITY0_LSB+:2]];
  logic unused_exec;
  assign unused_exec = ^{exec_cmd_i, exec_addr_i, exec_i0_i, exec_i1_i, exec_i2_i};

  logic run;
  assign run = exec_valid_i && !stats_saving;
  assign is_tile = run && opcode == bl_pkg::OP_TILE;
  assign is_update = run && opcode == bl_pkg::OP_UPDATE;
  assign is_loss = run && opcode == bl_pkg::OP_LOSS;
  assign is_scalar = run && opcode == bl_pkg::OP_SCALAR;
  assign is_load = run && opcode == bl_pkg::OP_TABLE_LOAD;
  assign is_store = run && opcode == bl_pkg::OP_TABLE_STORE;
  assign is_other = run && !(is_tile || is_update || is_loss || is_scalar || is_load || is_store);

  logic tile_done, update_done, loss_done, scalar_done, copy_done;
  assign unit_done = tile_done || update_done || loss_done || scalar_done || copy_done || is_other;
  assign has_stats = opcode == bl_pkg::OP_TILE || opcode == bl_pkg::OP_UPDATE || opcode == bl_pkg::OP_LOSS;
  assign keeps_stats = has_stats && stat != 12'd0;
  assign stats_save = unit_done && keeps_stats && exec_last_i;
  assign exec_done_o = (unit_done && !stats_save) || stats_saved;
  assign begins = exec_valid_i && !busy_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) busy_q <= 1'b0;
    else busy_q <= exec_valid_i && !exec_done_o;
  end

  // ---- Table
  logic [11:0] table_raddr, table_waddr, tile_taddr, update_taddr, loss_taddr, scalar_taddr, copy_taddr;
  logic [11:0] scalar_twaddr, copy_twaddr, stats_twaddr;
  logic [31:0] table_rdata, table_wdata, scalar_twdata, copy_twdata, stats_twdata;
  logic table_we, scalar_twe, copy_twe;
  always_comb begin
    table_raddr = tile_taddr;
    if (is_update) table_raddr = update_taddr;
    if (is_loss) table_raddr = loss_taddr;
    if (is_scalar) table_raddr = scalar_taddr;
    if (is_store) table_raddr = copy_taddr;
    table_we = stats_saving;
    table_waddr = stats_twaddr;
    table_wdata = stats_twdata;
    if (is_scalar) begin
      table_we = scalar_twe;
      table_waddr = scalar_twaddr;
      table_wdata = scalar_twdata;
    end
    if (is_load) begin
      table_we = copy_twe;
      table_waddr = copy_twaddr;
      table_wdata = copy_twdata;
    end
  end
  bl_table u_table (
      .clk_i,
      .rst_ni,
      .clear_i(start_i),
      .we_i(table_we),
      .waddr_i(table_waddr),
      .wdata_i(table_wdata),
      .raddr_i(table_raddr),
      .rdata_o(table_rdata),
      .lr_i
  );

  // ---- Statistics
  logic [95:0] stats_now, stats_next, tile_stat, update_stat, loss_stat;
  logic [2:0] stats_we;
  logic tile_stat_we, update_stat_we, loss_stat_we;
  always_comb begin
    stats_next = tile_stat;
    if (is_update) stats_next = update_stat;
    if (is_loss) stats_next = loss_stat;
    stats_we = {3{tile_stat_we || update_stat_we || loss_stat_we}};
  end
  bl_stats u_stats (
      .clk_i,
      .rst_ni,
      .slot_i(slot),
      .clear_i(begins && has_stats && exec_first_i),
      .we_i(stats_we),
      .wdata_i(stats_next),
      .now_o(stats_now),
      .save_i(stats_save),
      .three_i(opcode != bl_pkg::OP_LOSS),
      .stat_i(stat),
      .saving_o(stats_saving),
      .saved_o(stats_saved),
      .addr_o(stats_twaddr),
      .data_o(stats_twdata)
  );

  // ---- Random words
  logic tile_key_start, update_key_start, update_key_sel, key_sel, key_done;
  logic tile_draw, update_draw, update_draw_sel;
  logic [31:0] tile_draw_row, tile_draw_block, update_draw_row, update_draw_block, key_address;
  logic [127:0] word;
  logic [7:0] use_number;
  assign key_sel = is_update && update_key_sel;
  always_comb begin
    if (is_update) use_number = update_key_sel ? 8'd3 : 8'd2;
    else use_number = exec_cmd_i[bl_pkg::F_USE_LSB+:8];
  end
  assign key_address = {
    exec_cmd_i[bl_pkg::F_TENSOR_LSB+:16], use_number, exec_cmd_i[bl_pkg::F_SAMPLE_LSB+:8]
  };
  bl_random u_random (
      .clk_i,
      .rst_ni,
      .seed_i,
      .step_i,
      .slot_i(slot),
      .key_start_i(tile_key_start || update_key_start),
      .key_sel_i(key_sel),
      .key_address_i(key_address),
      .key_done_o(key_done),
      .valid_i(tile_draw || update_draw),
      .second_i(is_update),
      .sel_i(is_update && update_draw_sel),
      .row_i(is_update ? update_draw_row : tile_draw_row),
      .block_i(is_update ? update_draw_block : tile_draw_block),
      .word_o(word)
  );

  // ---- Divider
  logic scalar_div_start, loss_div_start, div_done, div_inexact;
  logic [31:0] scalar_div_first, loss_div_first, scalar_div_divisor, loss_div_divisor;
  logic [47:0] scalar_div_bits, loss_div_bits, div_quotient;
  logic [5:0] scalar_div_steps, loss_div_steps;
  bl_divider u_divider (
      .clk_i,
      .rst_ni,
      .start_i(scalar_div_start || loss_div_start),
      .first_i(is_loss ? loss_div_first : scalar_div_first),
      .bits_i(is_loss ? loss_div_bits : scalar_div_bits),
      .divisor_i(is_loss ? loss_div_divisor : scalar_div_divisor),
      .steps_i(is_loss ? loss_div_steps : scalar_div_steps),
      .done_o(div_done),
      .quotient_o(div_quotient),
      .inexact_o(div_inexact)
  );

  // ---- Units
  logic [VinW-1:0] tile_vin, update_vin, loss_vin, copy_vin;
  logic [RawW-1:0] tile_raw, update_raw, loss_raw, copy_raw;
  logic [W*8-1:0] tile_raw_data, update_raw_data, loss_raw_data, copy_raw_data;
  logic tile_raw_we, update_raw_we, loss_raw_we, copy_raw_we;

  bl_tile u_tile (
      .clk_i,
      .rst_ni,
      .run_i(is_tile),
      .done_o(tile_done),
      .cmd_i(exec_cmd_i),
      .rows_i(exec_rows_i),
      .cols_i(exec_cols_i),
      .row0_i(exec_row0_i),
      .col0_i(exec_col0_i),
      .parity_i(parity),
      .first_i(exec_first_i),
      .table_addr_o(tile_taddr),
      .table_data_i(table_rdata),
      .stat_i(stats_now),
      .stat_we_o(tile_stat_we),
      .stat_o(tile_stat),
      .key_start_o(tile_key_start),
      .key_done_i(key_done),
      .draw_o(tile_draw),
      .draw_row_o(tile_draw_row),
      .draw_block_o(tile_draw_block),
      .word_i(word[63:0]),
      .acc_buf_o,
      .acc_row_o,
      .acc_group_o,
      .acc_data_i,
      .vin_addr_o(tile_vin),
      .vin_data_i,
      .raw_we_o(tile_raw_we),
      .raw_addr_o(tile_raw),
      .raw_data_o(tile_raw_data),
      .p1_be_o,
      .p1_addr_o,
      .p1_data_o,
      .p2_be_o,
      .p2_addr_o,
      .p2_data_o,
      .mask_be_o,
      .mask_addr_o,
      .mask_data_o
  );

  bl_update u_update (
      .clk_i,
      .rst_ni,
      .run_i(is_update),
      .done_o(update_done),
      .cmd_i(exec_cmd_i),
      .rows_i(exec_rows_i),
      .cols_i(exec_cols_i),
      .row0_i(exec_row0_i),
      .col0_i(exec_col0_i),
      .parity_i(parity),
      .first_i(exec_first_i),
      .table_addr_o(update_taddr),
      .table_data_i(table_rdata),
      .stat_i(stats_now),
      .stat_we_o(update_stat_we),
      .stat_o(update_stat),
      .key_start_o(update_key_start),
      .key_sel_o(update_key_sel),
      .key_done_i(key_done),
      .draw_o(update_draw),
      .draw_sel_o(update_draw_sel),
      .draw_row_o(update_draw_row),
      .draw_block_o(update_draw_block),
      .word_i(word),
      .vin_addr_o(update_vin),
      .vin_data_i,
      .raw_we_o(update_raw_we),
      .raw_addr_o(update_raw),
      .raw_data_o(update_raw_data)
  );

  bl_loss u_loss (
      .clk_i,
      .rst_ni,
      .run_i(is_loss),
      .done_o(loss_done),
      .cmd_i(exec_cmd_i),
      .rows_i(exec_rows_i),
      .cols_i(exec_cols_i),
      .parity_i(parity),
      .table_addr_o(loss_taddr),
      .table_data_i(table_rdata),
      .stat_i(stats_now),
      .stat_we_o(loss_stat_we),
      .stat_o(loss_stat),
      .div_start_o(loss_div_start),
      .div_first_o(loss_div_first),
      .div_bits_o(loss_div_bits),
      .div_divisor_o(loss_div_divisor),
      .div_steps_o(loss_div_steps),
      .div_done_i(div_done),
      .div_quotient_i(div_quotient),
      .vin_addr_o(loss_vin),
      .vin_data_i,
      .raw_we_o(loss_raw_we),
      .raw_addr_o(loss_raw),
      .raw_data_o(loss_raw_data)
  );

  bl_scalar u_scalar (
      .clk_i,
      .rst_ni,
      .run_i(is_scalar),
      .done_o(scalar_done),
      .cmd_i(exec_cmd_i),
      .table_addr_o(scalar_taddr),
      .table_data_i(table_rdata),
      .table_we_o(scalar_twe),
      .table_waddr_o(scalar_twaddr),
      .table_wdata_o(scalar_twdata),
      .div_start_o(scalar_div_start),
      .div_first_o(scalar_div_first),
      .div_bits_o(scalar_div_bits),
      .div_divisor_o(scalar_div_divisor),
      .div_steps_o(scalar_div_steps),
      .div_done_i(div_done),
      .div_quotient_i(div_quotient),
      .div_inexact_i(div_inexact)
  );

  bl_table_copy u_copy (
      .clk_i,
      .rst_ni,
      .run_i(is_load || is_store),
      .done_o(copy_done),
      .store_i(is_store),
      .cmd_i(exec_cmd_i),
      .cols_i(exec_cols_i),
      .table_addr_o(copy_taddr),
      .table_data_i(table_rdata),
      .table_we_o(copy_twe),
      .table_waddr_o(copy_twaddr),
      .table_wdata_o(copy_twdata),
      .vin_addr_o(copy_vin),
      .vin_data_i,
      .raw_we_o(copy_raw_we),
      .raw_addr_o(copy_raw),
      .raw_data_o(copy_raw_data)
  );

  // ---- VIN and VOUT.RAW are the running unit's.
  always_comb begin
    vin_addr_o = tile_vin;
    raw_addr_o = tile_raw;
    raw_data_o = tile_raw_data;
    if (is_update) begin
      vin_addr_o = update_vin;
      raw_addr_o = update_raw;
      raw_data_o = update_raw_data;
    end
    if (is_loss) begin
      vin_addr_o = loss_vin;
      raw_addr_o = loss_raw;
      raw_data_o = loss_raw_data;
    end
    if (is_load || is_store) begin
      vin_addr_o = copy_vin;
      raw_addr_o = copy_raw;
      raw_data_o = copy_raw_data;
    end
  end
  assign raw_we_o = tile_raw_we || update_raw_we || loss_raw_we || copy_raw_we;

endmodule
