// The command POOL (docs/commands.md, N15): accumulates the taps of pooling windows over i1 and i2, and writes the results with the last tap. A
// group of LANES elements is read word by word, compared or added, and with the last tap written word by word.
module bl_pool #(
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
    input  logic [    15:0] i1_i,
    input  logic [    15:0] i2_i,
    input  logic            parity_i,      // of PARITY0: the inputs
    input  logic            parity2_i,     // of level 2: the outputs
    input  logic [    95:0] stat_i,
    output logic            stat_we_o,
    output logic [    95:0] stat_o,
    output logic [VinW-1:0] vin_addr_o,
    input  logic [ W*8-1:0] vin_data_i,
    output logic            raw_we_o,
    output logic [RawW-1:0] raw_addr_o,
    output logic [ W*8-1:0] raw_data_o
);

  localparam int LogV = $clog2(V);
  localparam int PlaceW = $clog2(bl_pkg::POOL_WORDS);
  localparam logic signed [47:0] Limit = 48'sd2147483647;

  // ---- The command
  logic mask_in, relu, mask_out, begins, ends, is_max, is_backward, winners;
  logic [1:0] op;
  logic [15:0] cols, groups, stride, vin_base;
  assign mask_in = cmd_i[bl_pkg::F_FLAGS_LSB+bl_pkg::FLAG_MASK_IN];
  assign relu = cmd_i[bl_pkg::F_FLAGS_LSB+bl_pkg::FLAG_RELU];
  assign mask_out = cmd_i[bl_pkg::F_FLAGS_LSB+bl_pkg::FLAG_MASK_OUT];
  assign op = cmd_i[bl_pkg::F_POOL_OP_LSB+:2];
  assign is_max = op == bl_pkg::POOL_MAX;
  assign is_backward = op == bl_pkg::POOL_MAX_BACKWARD;
  assign winners = is_max;
  assign cols = cmd_i[bl_pkg::F_COLS_LSB+:16];
  assign groups = 16'(({1'b0, cols} + 17'(V - 1)) >> LogV);
  assign stride = cmd_i[bl_pkg::F_VIN_STRIDE_LSB+:16];
  assign vin_base = cmd_i[bl_pkg::F_VIN_BASE_LSB+:16];
  assign begins = i1_i == 16'd0 && i2_i == 16'd0;
  assign ends = i1_i + 16'd1 == cmd_i[bl_pkg::F_N1_LSB+:16] && i2_i + 16'd1 == cmd_i[bl_pkg::F_N2_LSB+:16];

  // The tap's code, modulo 256.
  logic [7:0] code;
  assign code = cmd_i[bl_pkg::F_CODE0_LSB+:8] + i1_i[7:0] * cmd_i[bl_pkg::F_CODE1_LSB+:8] + i2_i[7:0] * cmd_i[bl_pkg::F_CODE2_LSB+:8];

  // ---- Order: the reads of a group (data; winner; mask), Add, the writes (value; winner; mask)
  typedef enum logic [2:0] {Idle, Data, Winner, Masks, Take, Add, Write} state_e;
  state_e state_q, state_d;
  logic start, step, active, last, unused_active;
  logic [15:0] unused_row, group, index;
  logic [1:0] output_q, outputs;
  logic took_data_q, took_winner_q, took_mask_q;
  assign unused_active = active;
  assign outputs = {1'b0, winners} + {1'b0, mask_out};  // after the value

  bl_walk u_walk (
      .clk_i,
      .rst_ni,
      .start_i(start),
      .step_i(step),
      .rows_i,
      .groups_i(groups),
      .active_o(active),
      .last_o(last),
      .row_o(unused_row),
      .group_o(group),
      .index_o(index)
  );

  always_comb begin
    state_d = state_q;
    start = 1'b0;
    step = 1'b0;
    case (state_q)
      Idle: if (run_i) begin
        state_d = Data;
        start = 1'b1;
      end
      Data: state_d = is_backward ? Winner : ((mask_in && ends) ? Masks : Take);
      Winner: state_d = (mask_in && ends) ? Masks : Take;
      Masks: state_d = Take;
      Take: state_d = Add;
      Add: begin
        step = !ends;
        state_d = ends ? Write : (last ? Idle : Data);
      end
      default: if (output_q == outputs) begin
        step = 1'b1;
        state_d = last ? Idle : Data;
      end
    endcase
    done_o = step && last;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q <= Idle;
      output_q <= '0;
      took_data_q <= 1'b0;
      took_winner_q <= 1'b0;
      took_mask_q <= 1'b0;
    end else begin
      state_q <= state_d;
      output_q <= (state_q == Write) ? output_q + 2'd1 : 2'd0;
      took_data_q <= state_q == Data;
      took_winner_q <= state_q == Winner;
      took_mask_q <= state_q == Masks;
    end
  end

  logic [15:0] section, address;
  always_comb begin
    section = 16'd0;
    if (state_q == Winner) section = 16'd1;
    if (state_q == Masks) section = is_backward ? 16'd2 : 16'd1;
    address = vin_base + ((section << 1) + {15'd0, parity_i}) * stride + index;
  end
  assign vin_addr_o = address[VinW-1:0];

  logic [V*32-1:0] data_q, winner_q, mask_q;
  always_ff @(posedge clk_i) begin
    if (took_data_q) data_q <= vin_data_i;
    if (took_winner_q) winner_q <= vin_data_i;
    if (took_mask_q) mask_q <= vin_data_i;
  end

  // ---- Accumulators: a sum or maximum of 48 bits and the winner's code for each element
  logic [V*56-1:0] acc_q[bl_pkg::POOL_WORDS];
  logic [V*56-1:0] old, next;
  logic [PlaceW-1:0] place;
  assign place = index[PlaceW-1:0];
  assign old = acc_q[place];
  always_ff @(posedge clk_i) if (state_q == Add) acc_q[place] <= next;

  logic signed [47:0] value, data;
  always_comb begin
    next = old;
    value = '0;
    data = '0;
    for (int k = 0; k < V; k++) begin
      data = 48'($signed(data_q[k*32+:32]));
      value = $signed(old[k*56+:48]);
      if (is_max) begin
        if (begins) begin
          value = -48'sd2147483648;
          next[k*56+48+:8] = code;
        end
        if (data > value) begin
          value = data;
          next[k*56+48+:8] = code;
        end
      end else begin
        if (begins) value = 48'sd0;
        if (!is_backward || winner_q[k*32+:8] == code) value = value + data;
      end
      next[k*56+:48] = value;
    end
  end

  // ---- Results
  logic signed [47:0] result;
  logic [V*32-1:0] raw, winner, positive;
  logic [V-1:0] saturated;
  logic [31:0] max, count, magnitude;
  logic valid;
  always_comb begin
    raw = '0;
    winner = '0;
    positive = '0;
    saturated = '0;
    result = '0;
    max = stat_i[31:0];
    count = stat_i[95:64];
    magnitude = '0;
    valid = 1'b0;
    for (int k = 0; k < V; k++) begin
      valid = (group << LogV) + 16'(k) < cols_i;
      result = $signed(old[k*56+:48]);
      if (mask_in && mask_q[k*32+:32] == 32'd0) result = 48'sd0;
      if (valid) begin
        positive[k*32] = result > 48'sd0;
        winner[k*32+:8] = old[k*56+48+:8];
        if (relu && result < 48'sd0) result = 48'sd0;
        saturated[k] = result > Limit || result < -Limit;
        if (result > Limit) result = Limit;
        if (result < -Limit) result = -Limit;
        raw[k*32+:32] = result[31:0];
        magnitude = result[31] ? -result[31:0] : result[31:0];
        if (magnitude > max) max = magnitude;
        if (saturated[k]) count = count + 32'd1;
      end
    end
  end
  assign stat_we_o = state_q == Write && output_q == 2'd0;
  assign stat_o = {count, 32'd0, max};

  logic [15:0] out_address;
  assign out_address = ({13'd0, output_q, 1'b0} + {15'd0, parity2_i}) * stride + index;
  assign raw_we_o = state_q == Write;
  assign raw_addr_o = out_address[RawW-1:0];
  always_comb begin
    raw_data_o = raw;
    if (output_q == 2'd1 && winners) raw_data_o = winner;
    else if (output_q != 2'd0) raw_data_o = positive;
  end

  logic unused_bits;
  assign unused_bits = ^{cmd_i, address, out_address, stat_i[63:32], i1_i, i2_i, winner_q};

endmodule
