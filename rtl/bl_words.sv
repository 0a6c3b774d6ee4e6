// The units of the vector engine that read and write their tiles a word at a time: LOSS, ADAM, TABLE_LOAD and TABLE_STORE.
// At most one of them runs; the ports are those of the one that does.
module bl_words #(
    parameter int V = bl_pkg::LANES,
    parameter int VinW = bl_pkg::VIN_WORDS > 1 ? $clog2(bl_pkg::VIN_WORDS) : 1,
    parameter int RawW = bl_pkg::VOUT_WORDS > 1 ? $clog2(bl_pkg::VOUT_WORDS) : 1
) (
    input  logic            clk_i,
    input  logic            rst_ni,
    // From the first cycle until the cycle of done_o
    input  logic            run_loss_i,
    input  logic            run_adam_i,
    input  logic            run_load_i,
    input  logic            run_store_i,
    output logic            done_o,
    input  logic [   511:0] cmd_i,
    input  logic [    15:0] rows_i,
    input  logic [    15:0] cols_i,
    input  logic [    31:0] row0_i,
    input  logic [    31:0] col0_i,
    input  logic            first_i,
    input  logic            parity_i,       // of PARITY0
    output logic [    15:0] table_addr_o,
    input  logic [    31:0] table_data_i,
    output logic            table_we_o,
    output logic [    15:0] table_waddr_o,
    output logic [    31:0] table_wdata_o,
    input  logic [    95:0] stat_i,
    output logic            stat_we_o,
    output logic [    95:0] stat_o,
    // The divider, for LOSS
    output logic            div_start_o,
    output logic [    31:0] div_first_o,
    output logic [    47:0] div_bits_o,
    output logic [    31:0] div_divisor_o,
    output logic [     5:0] div_steps_o,
    input  logic            div_done_i,
    input  logic [    47:0] div_quotient_i,
    // Random words, for ADAM
    output logic            key_start_o,
    input  logic            key_done_i,
    output logic            draw_o,
    output logic [    31:0] draw_row_o,
    output logic [    31:0] draw_block_o,
    input  logic [bl_pkg::RANDOM16_BITS-1:0] word_i,
    output logic [VinW-1:0] vin_addr_o,
    input  logic [ V*32-1:0] vin_data_i,
    output logic            raw_we_o,
    output logic [RawW-1:0] raw_addr_o,
    output logic [ V*32-1:0] raw_data_o
);

  logic loss_done, adam_done, copy_done;
  logic loss_stat_we, adam_stat_we;
  logic loss_raw_we, adam_raw_we, copy_raw_we;
  logic [95:0] loss_stat, adam_stat;
  logic [15:0] loss_taddr, adam_taddr, copy_taddr;
  logic [VinW-1:0] loss_vin, adam_vin, copy_vin;
  logic [RawW-1:0] loss_raw, adam_raw, copy_raw;
  logic [V*32-1:0] loss_raw_data, adam_raw_data, copy_raw_data;

  bl_loss u_loss (
      .clk_i,
      .rst_ni,
      .run_i(run_loss_i),
      .done_o(loss_done),
      .cmd_i,
      .rows_i,
      .cols_i,
      .parity_i,
      .table_addr_o(loss_taddr),
      .table_data_i,
      .stat_i,
      .stat_we_o(loss_stat_we),
      .stat_o(loss_stat),
      .div_start_o,
      .div_first_o,
      .div_bits_o,
      .div_divisor_o,
      .div_steps_o,
      .div_done_i,
      .div_quotient_i,
      .vin_addr_o(loss_vin),
      .vin_data_i,
      .raw_we_o(loss_raw_we),
      .raw_addr_o(loss_raw),
      .raw_data_o(loss_raw_data)
  );

  bl_adam u_adam (
      .clk_i,
      .rst_ni,
      .run_i(run_adam_i),
      .done_o(adam_done),
      .cmd_i,
      .rows_i,
      .cols_i,
      .row0_i,
      .col0_i,
      .parity_i,
      .first_i,
      .table_addr_o(adam_taddr),
      .table_data_i,
      .stat_i,
      .stat_we_o(adam_stat_we),
      .stat_o(adam_stat),
      .key_start_o,
      .key_done_i,
      .draw_o,
      .draw_row_o,
      .draw_block_o,
      .word_i,
      .vin_addr_o(adam_vin),
      .vin_data_i,
      .raw_we_o(adam_raw_we),
      .raw_addr_o(adam_raw),
      .raw_data_o(adam_raw_data)
  );

  bl_table_copy u_copy (
      .clk_i,
      .rst_ni,
      .run_i(run_load_i || run_store_i),
      .done_o(copy_done),
      .store_i(run_store_i),
      .cmd_i,
      .rows_i,
      .cols_i,
      .col0_i,
      .parity_i,
      .table_addr_o(copy_taddr),
      .table_data_i,
      .table_we_o,
      .table_waddr_o,
      .table_wdata_o,
      .vin_addr_o(copy_vin),
      .vin_data_i,
      .raw_we_o(copy_raw_we),
      .raw_addr_o(copy_raw),
      .raw_data_o(copy_raw_data)
  );

  assign done_o = loss_done || adam_done || copy_done;
  assign stat_we_o = loss_stat_we || adam_stat_we;
  assign raw_we_o = loss_raw_we || adam_raw_we || copy_raw_we;
  always_comb begin
    table_addr_o = copy_taddr;
    stat_o = loss_stat;
    vin_addr_o = copy_vin;
    raw_addr_o = copy_raw;
    raw_data_o = copy_raw_data;
    if (run_loss_i) begin
      table_addr_o = loss_taddr;
      vin_addr_o = loss_vin;
      raw_addr_o = loss_raw;
      raw_data_o = loss_raw_data;
    end
    if (run_adam_i) begin
      table_addr_o = adam_taddr;
      stat_o = adam_stat;
      vin_addr_o = adam_vin;
      raw_addr_o = adam_raw;
      raw_data_o = adam_raw_data;
    end
  end

endmodule
