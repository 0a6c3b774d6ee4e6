// The command ADAM (docs/commands.md, N25): moments of a tile, or with CODES_OUT its new master and codes. A group of LANES elements reads its three
// inputs one word a cycle, the first row of a column of groups (with COEF_SCALAR the first group) its four vectors too; computes step by step (one
// quotient or root bit a cycle); and writes its outputs one word a cycle.
module bl_adam #(
    parameter int V = bl_pkg::LANES,
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
    output logic [    15:0] table_addr_o,
    input  logic [    31:0] table_data_i,
    input  logic [    95:0] stat_i,
    output logic            stat_we_o,
    output logic [    95:0] stat_o,
    // Random words of use 3
    output logic            key_start_o,
    input  logic            key_done_i,
    output logic            draw_o,        // the word comes 14 cycles later
    output logic [    31:0] draw_row_o,
    output logic [    31:0] draw_block_o,
    input  logic [bl_pkg::RANDOM16_BITS-1:0] word_i,
    output logic [VinW-1:0] vin_addr_o,
    input  logic [ V*32-1:0] vin_data_i,
    output logic            raw_we_o,
    output logic [RawW-1:0] raw_addr_o,
    output logic [ V*32-1:0] raw_data_o
);

  localparam int LogV = $clog2(V);
  localparam logic [5:0] MomentSteps = 6'd39;
  localparam logic [5:0] CodeSteps = 6'd51;
  localparam logic [5:0] WordStep = 6'd14;  // when the random words are there

  // ---- The command
  logic codes, steps, half_up, coef_scalar, draws;
  logic [15:0] cols, groups, stride, vin_base;
  logic [30:0] limit;
  logic [5:0] inputs, reads;
  assign codes = cmd_i[bl_pkg::F_FLAGS_LSB+bl_pkg::FLAG_CODES_OUT];
  assign steps = codes && cmd_i[bl_pkg::F_FLAGS_LSB+bl_pkg::FLAG_LWQ];  // the quotients go out; there is no master
  assign inputs = steps ? 6'd2 : 6'd3;
  assign half_up = cmd_i[bl_pkg::F_FLAGS_LSB+bl_pkg::FLAG_HALF_UP];
  assign limit = cmd_i[bl_pkg::F_FLAGS_LSB+bl_pkg::FLAG_MASTER32] ? 31'h7fff_ffff : 31'h007f_ffff;
  assign coef_scalar = cmd_i[bl_pkg::F_COEF_SCALAR_LSB];
  assign cols = cmd_i[bl_pkg::F_COLS_LSB+:16];
  assign groups = 16'(({1'b0, cols} + 17'(V - 1)) >> LogV);
  assign stride = cmd_i[bl_pkg::F_VIN_STRIDE_LSB+:16];
  assign vin_base = cmd_i[bl_pkg::F_VIN_BASE_LSB+:16];
  assign draws = codes && !steps && !half_up;
  assign table_addr_o = cmd_i[bl_pkg::F_RATIO_LSB+:16];

  // ---- Order: the table entry, the key, then for each group Fetch, Last, Steps, Write
  typedef enum logic [2:0] {Idle, Key, Fetch, Last, Steps, Write} state_e;
  state_e state_q, state_d;
  logic [5:0] count_q, count_d;
  logic start, step, active, last, unused_active;
  logic [15:0] row, group, index;
  assign unused_active = active;
  assign reads = (row == 16'd0 && (group == 16'd0 || !coef_scalar)) ? inputs + 6'd4 : inputs;

  bl_walk u_walk (
      .clk_i,
      .rst_ni,
      .start_i(start),
      .step_i(step),
      .rows_i,
      .groups_i(groups),
      .active_o(active),
      .last_o(last),
      .row_o(row),
      .group_o(group),
      .index_o(index)
  );

  always_comb begin
    state_d = state_q;
    key_start_o = 1'b0;
    step = 1'b0;
    case (state_q)
      Idle: if (run_i) begin
        state_d = (draws && first_i) ? Key : Fetch;
        key_start_o = draws && first_i;
      end
      Key: if (key_done_i) state_d = Fetch;
      Fetch: if (count_q == reads - 6'd1) state_d = Last;
      Last: state_d = Steps;
      Steps: if (count_q == (codes ? CodeSteps : MomentSteps) - 6'd1) state_d = Write;
      default: if (count_q == (codes ? 6'd2 : 6'd1)) begin
        state_d = last ? Idle : Fetch;
        step = 1'b1;
      end
    endcase
    count_d = (state_d != state_q) ? 6'd0 : count_q + 6'd1;
    start = (state_q == Idle || state_q == Key) && state_d == Fetch;
    done_o = step && last;
  end

  logic arrives_q;
  logic [2:0] slot_q;
  logic [31:0] ratio_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q <= Idle;
      count_q <= '0;
      arrives_q <= 1'b0;
      slot_q <= '0;
      ratio_q <= '0;
    end else begin
      state_q <= state_d;
      count_q <= count_d;
      arrives_q <= state_q == Fetch;
      slot_q <= (steps && count_q > 6'd1) ? count_q[2:0] + 3'd1 : count_q[2:0];
      if (state_q == Idle) ratio_q <= table_data_i;
    end
  end

  // ---- Addresses
  logic [15:0] address, section;
  always_comb begin
    section = {10'd0, count_q} - ((count_q < inputs) ? 16'd0 : {10'd0, inputs});
    section = (section << 1) + {15'd0, parity_i};
    if (count_q < inputs) address = vin_base + section * stride + index;
    else address = vin_base + {9'd0, inputs, 1'b0} * stride + section * groups + (coef_scalar ? 16'd0 : group);
  end
  assign vin_addr_o = address[VinW-1:0];

  // ---- Operands: three inputs, four vectors; random words
  logic [7*V*32-1:0] operand_q;
  logic [bl_pkg::RANDOM16_BITS-1:0] word_q;
  logic [1:0] field;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      operand_q <= '0;
      word_q <= '0;
    end else begin
      for (int k = 0; k < 7; k++) begin
        if (arrives_q && slot_q == 3'(k)) operand_q[k*V*32+:V*32] <= (k > 2 && coef_scalar) ? {V{vin_data_i[31:0]}} : vin_data_i;
      end
      if (state_q == Steps && count_q == WordStep) word_q <= word_i >> {field, 4'd0};
    end
  end
  assign field = 2'(col0_i) + 2'(group << LogV);
  assign draw_o = draws && state_q == Steps && count_q == 6'd0;
  assign draw_row_o = row0_i + {16'd0, row};
  assign draw_block_o = (col0_i + ({16'd0, group} << LogV)) >> 2;

  // ---- Lanes
  logic [3*V*32-1:0] result;
  logic [V*32-1:0] magnitude;
  logic [V-1:0] valid, saturated, limited;
  for (genvar k = 0; k < V; k++) begin : g_lane
    logic [31:0] first, second, third;
    bl_adam_lane u_lane (
        .clk_i,
        .rst_ni,
        .codes_i(codes),
        .made_step_i(steps),
        .active_i(state_q == Steps),
        .step_i(count_q),
        .beta1_i(cmd_i[bl_pkg::F_MU16_LSB+:16]),
        .beta2_i(cmd_i[bl_pkg::F_QMAX_LSB+:16]),
        .ratio_i(ratio_q),
        .limit_i(limit),
        .u_i(half_up ? 16'd32767 : word_q[k*16+:16]),
        .first_i(operand_q[k*32+:32]),
        .second_i(operand_q[V*32+k*32+:32]),
        .third_i(operand_q[2*V*32+k*32+:32]),
        .k0_i(operand_q[3*V*32+k*32+:32]),
        .k1_i(operand_q[4*V*32+k*32+:32]),
        .k2_i(operand_q[5*V*32+k*32+:32]),
        .k3_i(operand_q[6*V*32+k*32+:32]),
        .first_o(first),
        .second_o(second),
        .third_o(third),
        .magnitude_o(magnitude[k*32+:32]),
        .saturated_o(saturated[k]),
        .limited_o(limited[k])
    );
    assign valid[k] = (group << LogV) + 16'(k) < cols_i;
    assign result[k*32+:32] = valid[k] ? first : 32'd0;
    assign result[V*32+k*32+:32] = valid[k] ? second : 32'd0;
    assign result[2*V*32+k*32+:32] = valid[k] ? third : 32'd0;
  end

  // ---- Statistics: largest magnitude and saturations of the master, limited quotients
  logic [31:0] max, masters, quotients;
  always_comb begin
    max = stat_i[31:0];
    masters = stat_i[63:32];
    quotients = stat_i[95:64];
    for (int k = 0; k < V; k++) begin
      if (valid[k] && magnitude[k*32+:32] > max) max = magnitude[k*32+:32];
      if (valid[k] && saturated[k]) masters = masters + 32'd1;
      if (valid[k] && limited[k]) quotients = quotients + 32'd1;
    end
  end
  assign stat_we_o = codes && state_q == Write && count_q == 6'd0;
  assign stat_o = {quotients, masters, max};

  // ---- Outputs
  logic [15:0] out_address;
  assign out_address = {9'd0, count_q, parity_i} * stride + index;
  assign raw_we_o = state_q == Write;
  assign raw_addr_o = out_address[RawW-1:0];
  always_comb begin
    raw_data_o = result[0+:V*32];
    if (count_q == 6'd1) raw_data_o = result[V*32+:V*32];
    if (count_q == 6'd2) raw_data_o = result[2*V*32+:V*32];
  end

  logic unused_bits;
  assign unused_bits = ^{cmd_i, address, out_address, word_q};

endmodule
