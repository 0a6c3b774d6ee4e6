// The optimizer update: the command UPDATE (docs/commands.md, N9). A group of LANES elements takes three cycles, in which its
// gradient, master and momentum are read:
//   stage 0  address of the gradient (then of the master and the momentum)
//   stage 1  gradient: product with its ratio
//   stage 2  master
//   stage 3  momentum: product with mu, sum
//   stage 4  rounding to the new momentum, with the random word of use 2
//   stage 5  new momentum written; its product with the ratio of the weights
//   stage 6  rounding to the new master, with the random word of use 3
//   stage 7  new master written, statistics
module bl_update #(
    parameter int V = bl_pkg::LANES,
    parameter int W = bl_pkg::AXI_BYTES,
    parameter int VinW = bl_pkg::VIN_WORDS > 1 ? $clog2(bl_pkg::VIN_WORDS) : 1,
    parameter int RawW = bl_pkg::VOUT_WORDS > 1 ? $clog2(bl_pkg::VOUT_WORDS) : 1
) (
    input  logic            clk_i,
    input  logic            rst_ni,
    input  logic            run_i,         // from the first cycle until the cycle of done_o
    output logic            done_o,
    input  logic [   511:0] cmd_i,
    input  logic [    15:0] rows_i,
    input  logic [    15:0] cols_i,
    input  logic [    31:0] row0_i,
    input  logic [    31:0] col0_i,
    input  logic            parity_i,
    input  logic            first_i,
    output logic [    11:0] table_addr_o,
    input  logic [    31:0] table_data_i,
    input  logic [    95:0] stat_i,
    output logic            stat_we_o,
    output logic [    95:0] stat_o,
    output logic            key_start_o,
    output logic            key_sel_o,     // 0: use 2, 1: use 3
    input  logic            key_done_i,
    output logic            draw_o,
    output logic            draw_sel_o,
    output logic [    31:0] draw_row_o,
    output logic [    31:0] draw_block_o,
    input  logic [   127:0] word_i,
    output logic [VinW-1:0] vin_addr_o,
    input  logic [ W*8-1:0] vin_data_i,
    output logic            raw_we_o,
    output logic [RawW-1:0] raw_addr_o,
    output logic [ W*8-1:0] raw_data_o
);

  localparam int LogV = $clog2(V);
  localparam logic [3:0] LeadCycles = 4'd10;  // the draw is 14 cycles before stage 4
  localparam logic [3:0] DrainCycles = 4'd5;  // stages 3 to 7 of the last group

  // ---- The command
  logic [15:0] cols, groups, stride, vin_base, raw_base;
  logic draws, half_up;
  assign half_up = cmd_i[bl_pkg::F_FLAGS_LSB+bl_pkg::FLAG_UPDATE_HALF_UP];
  assign draws = !half_up;
  assign cols = cmd_i[bl_pkg::F_COLS_LSB+:16];
  assign groups = 16'(({1'b0, cols} + 17'(V - 1)) >> LogV);
  assign stride = cmd_i[bl_pkg::F_VIN_STRIDE_LSB+:16];
  assign raw_base = parity_i ? stride : 16'd0;
  assign vin_base = cmd_i[bl_pkg::F_VIN_BASE_LSB+:16] + raw_base;

  logic [30:0] limit;
  assign limit = cmd_i[bl_pkg::F_FLAGS_LSB+bl_pkg::FLAG_MASTER32] ? 31'h7fff_ffff : 31'h007f_ffff;

  // ---- Order of an execution
  typedef enum logic [2:0] {ReadG, ReadW, Key2, Key3, Lead, Run, Drain} state_e;
  state_e state_q, state_d;
  logic [3:0] count_q, count_d;
  logic [31:0] ratio_g_q, ratio_w_q;
  logic draw_start, data_start, draw_active, data_active, data_last, unused_draw_last;
  logic [1:0] draw_phase_q, phase_q;
  logic [15:0] draw_row, draw_group, unused_draw_index, unused_row, group0, index0;

  always_comb begin
    state_d = state_q;
    count_d = count_q + 4'd1;
    key_start_o = 1'b0;
    key_sel_o = 1'b0;
    draw_start = 1'b0;
    data_start = 1'b0;
    done_o = 1'b0;
    case (state_q)
      ReadG: if (run_i) state_d = ReadW;
      ReadW: begin
        count_d = 4'd0;
        if (draws && first_i) begin
          state_d = Key2;
          key_start_o = 1'b1;
        end else if (draws) begin
          state_d = Lead;
          draw_start = 1'b1;
        end else begin
          state_d = Run;
          data_start = 1'b1;
        end
      end
      Key2: begin
        key_sel_o = 1'b1;
        if (key_done_i) begin
          state_d = Key3;
          key_start_o = 1'b1;
        end
      end
      Key3: begin
        key_sel_o = 1'b1;
        count_d = 4'd0;
        if (key_done_i) begin
          state_d = Lead;
          draw_start = 1'b1;
        end
      end
      Lead: begin
        if (count_q == LeadCycles - 4'd1) begin
          state_d = Run;
          data_start = 1'b1;
        end
      end
      Run: begin
        count_d = 4'd0;
        if (data_last && phase_q == 2'd2) state_d = Drain;
      end
      Drain: begin
        if (count_q == DrainCycles - 4'd1) begin
          state_d = ReadG;
          done_o = 1'b1;
        end
      end
      default: state_d = ReadG;
    endcase
  end

  assign table_addr_o = (state_q == ReadG) ? cmd_i[bl_pkg::F_RATIO_LSB+:12] : cmd_i[bl_pkg::F_RATIO_W_LSB+:12];

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q <= ReadG;
      count_q <= 4'd0;
      ratio_g_q <= 32'd0;
      ratio_w_q <= 32'd0;
      draw_phase_q <= 2'd0;
      phase_q <= 2'd0;
    end else begin
      state_q <= state_d;
      count_q <= count_d;
      if (state_q == ReadG && run_i) ratio_g_q <= table_data_i;
      if (state_q == ReadW) ratio_w_q <= table_data_i;
      draw_phase_q <= (!draw_active || draw_phase_q == 2'd2) ? 2'd0 : draw_phase_q + 2'd1;
      phase_q <= (!data_active || phase_q == 2'd2) ? 2'd0 : phase_q + 2'd1;
    end
  end

  bl_walk u_draw (
      .clk_i,
      .rst_ni,
      .start_i(draw_start),
      .step_i(draw_phase_q == 2'd2),
      .rows_i,
      .groups_i(groups),
      .active_o(draw_active),
      .last_o(unused_draw_last),
      .row_o(draw_row),
      .group_o(draw_group),
      .index_o(unused_draw_index)
  );
  // Use 2 in phase 0 and use 3 in phase 2, because stage 6 is two cycles after stage 4.
  assign draw_o = draw_active && draw_phase_q != 2'd1;
  assign draw_sel_o = draw_phase_q == 2'd2;
  assign draw_row_o = row0_i + {16'd0, draw_row};
  assign draw_block_o = (col0_i + ({16'd0, draw_group} << LogV)) >> 2;

  bl_walk u_data (
      .clk_i,
      .rst_ni,
      .start_i(data_start),
      .step_i(phase_q == 2'd2),
      .rows_i,
      .groups_i(groups),
      .active_o(data_active),
      .last_o(data_last),
      .row_o(unused_row),
      .group_o(group0),
      .index_o(index0)
  );

  // ---- Stage 0: addresses of the three sections
  logic [15:0] section, vin_word;
  always_comb begin
    case (phase_q)
      2'd0: section = 16'd0;
      2'd1: section = stride << 1;
      default: section = stride << 2;
    endcase
  end
  assign vin_word = vin_base + section + index0;
  assign vin_addr_o = vin_word[VinW-1:0];

  // The group of stages 1-3, 4-6 and 7.
  logic [7:1] valid_q;
  logic [15:0] group1_q, group4_q, index1_q, index4_q, index7_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      valid_q <= 7'd0;
      {group1_q, group4_q} <= 32'd0;
      {index1_q, index4_q, index7_q} <= 48'd0;
    end else begin
      valid_q <= {valid_q[6:1], data_active && phase_q == 2'd0};
      if (data_active && phase_q == 2'd0) begin
        group1_q <= group0;
        index1_q <= index0;
      end
      if (valid_q[3]) begin
        group4_q <= group1_q;
        index4_q <= index1_q;
      end
      if (valid_q[6]) index7_q <= index4_q;
    end
  end

  // ---- Stages 1 to 7: the lanes
  logic [1:0] field;
  logic [127:0] word;
  logic [V*32-1:0] momentum, master;
  logic [V*31-1:0] magnitude;
  logic [V-1:0] momentum_saturated, master_saturated;
  assign field = 2'(col0_i) + 2'(group4_q << LogV);
  assign word = word_i >> {field, 4'd0};

  for (genvar v = 0; v < V; v++) begin : g_lane
    logic in_tile;
    logic [15:0] u;
    assign u = half_up ? 16'd32767 : word[v*16+:16];
    assign in_tile = {group4_q, LogV'(v)} < (16 + LogV)'(cols_i);
    bl_update_lane u_lane (
        .clk_i,
        .rst_ni,
        .valid_i(valid_q[6:1]),
        .keep_i(in_tile),
        .ratio_g_i(ratio_g_q),
        .ratio_w_i(ratio_w_q),
        .mu_i(cmd_i[bl_pkg::F_MU16_LSB+:16]),
        .limit_i(limit),
        .vin_i(vin_data_i[v*32+:32]),
        .u_i(u),
        .momentum_o(momentum[v*32+:32]),
        .momentum_saturated_o(momentum_saturated[v]),
        .master_o(master[v*32+:32]),
        .magnitude_o(magnitude[v*31+:31]),
        .master_saturated_o(master_saturated[v])
    );
  end

  // ---- Stages 5 and 7: writes, statistics
  logic [15:0] raw_word;
  assign raw_we_o = valid_q[5] || valid_q[7];
  assign raw_word = raw_base + (valid_q[5] ? (stride << 1) + index4_q : index7_q);
  assign raw_addr_o = raw_word[RawW-1:0];
  assign raw_data_o = valid_q[5] ? momentum : master;

  logic [31:0] max, momentum_count, master_count;
  always_comb begin
    max = stat_i[31:0];
    momentum_count = 32'd0;
    master_count = 32'd0;
    for (int v = 0; v < V; v++) begin
      if ({1'b0, magnitude[v*31+:31]} > max) max = {1'b0, magnitude[v*31+:31]};
      momentum_count = momentum_count + {31'd0, momentum_saturated[v]};
      master_count = master_count + {31'd0, master_saturated[v]};
    end
  end
  assign stat_we_o = valid_q[7];
  assign stat_o = {stat_i[95:64] + momentum_count, stat_i[63:32] + master_count, max};

  logic unused_bits;
  assign unused_bits = ^{cmd_i, col0_i, vin_word, raw_word, word};

endmodule
