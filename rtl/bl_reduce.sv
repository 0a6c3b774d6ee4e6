// The command REDUCE (docs/commands.md, N13): sums over columns, or over everything, of shifted values; started and written once per i0. A group
// of LANES elements is read, shifted and added; sums of up to REDUCE_WORDS groups of columns are kept.
module bl_reduce #(
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
    input  logic            parity2_i,     // of level 2: the output
    output logic [    11:0] table_addr_o,
    input  logic [    31:0] table_data_i,
    output logic [VinW-1:0] vin_addr_o,
    input  logic [ W*8-1:0] vin_data_i,
    output logic            raw_we_o,
    output logic [RawW-1:0] raw_addr_o,
    output logic [ W*8-1:0] raw_data_o
);

  localparam int LogV = $clog2(V);
  localparam int SumW = $clog2(bl_pkg::REDUCE_WORDS);

  // ---- The command
  logic v_in, axis_all, begins, ends, range;
  logic [1:0] kind;
  logic [15:0] cols, groups, stride, vin_base;
  assign v_in = cmd_i[bl_pkg::F_FLAGS_LSB+bl_pkg::FLAG_V_IN];
  assign axis_all = cmd_i[bl_pkg::F_AXIS_ALL_LSB];
  assign kind = cmd_i[bl_pkg::F_REDUCE_KIND_LSB+:2];
  assign range = kind == bl_pkg::REDUCE_RANGE;
  assign cols = cmd_i[bl_pkg::F_COLS_LSB+:16];
  assign groups = 16'(({1'b0, cols} + 17'(V - 1)) >> LogV);
  assign stride = cmd_i[bl_pkg::F_VIN_STRIDE_LSB+:16];
  assign vin_base = cmd_i[bl_pkg::F_VIN_BASE_LSB+:16];
  assign begins = i1_i == 16'd0 && i2_i == 16'd0;
  assign ends = i1_i + 16'd1 == cmd_i[bl_pkg::F_N1_LSB+:16] && i2_i + 16'd1 == cmd_i[bl_pkg::F_N2_LSB+:16];

  // ---- Order
  typedef enum logic [2:0] {ReadU, ReadV, FetchU, FetchV, Take, Add, Write} state_e;
  state_e state_q, state_d;
  logic start, step, active, last, unused_active;
  logic [15:0] row, group, index;
  logic [1:0] line_q, lines;        // the result's rows
  logic [15:0] write_group_q;
  logic last_word, last_line;
  assign unused_active = active;
  assign lines = range ? 2'd2 : 2'd3;
  assign last_word = axis_all || write_group_q + 16'd1 >= groups;
  assign last_line = line_q == lines;

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
    start = 1'b0;
    step = 1'b0;
    done_o = 1'b0;
    case (state_q)
      ReadU: if (run_i) state_d = ReadV;
      ReadV: begin
        state_d = FetchU;
        start = 1'b1;
      end
      FetchU: state_d = v_in ? FetchV : Take;
      FetchV: state_d = Take;
      Take: state_d = Add;
      Add: begin
        step = 1'b1;
        state_d = FetchU;
        if (last) begin
          state_d = ends ? Write : ReadU;
          done_o = !ends;
        end
      end
      default: if (last_word && last_line) begin
        state_d = ReadU;
        done_o = 1'b1;
      end
    endcase
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q <= ReadU;
      line_q <= '0;
      write_group_q <= '0;
    end else begin
      state_q <= state_d;
      if (state_q != Write) begin
        line_q <= '0;
        write_group_q <= '0;
      end else if (last_word) begin
        line_q <= line_q + 2'd1;
        write_group_q <= '0;
      end else write_group_q <= write_group_q + 16'd1;
    end
  end

  assign table_addr_o = (state_q == ReadV) ? cmd_i[bl_pkg::F_LIMIT_LSB+:12] : cmd_i[bl_pkg::F_RATIO_LSB+:12];
  logic [15:0] address;
  assign address = vin_base + ((state_q == FetchV) ? stride << 1 : 16'd0) + (parity_i ? stride : 16'd0) + index;
  assign vin_addr_o = address[VinW-1:0];

  // ---- Operands
  logic [5:0] shift_u_q, shift_v_q;
  logic [V*32-1:0] u_q, v_q;
  always_ff @(posedge clk_i) begin
    if (state_q == ReadU) shift_u_q <= table_data_i[5:0];
    if (state_q == ReadV) shift_v_q <= table_data_i[5:0];
    if (state_q == FetchV || (state_q == Take && !v_in)) u_q <= vin_data_i;
    if (state_q == Take) v_q <= vin_data_i;
  end

  // ---- Sums: a word has the first sums of its lanes, then the second. For RANGE: minima, maxima.
  logic [V*128-1:0] sum_q[bl_pkg::REDUCE_WORDS];
  logic [V*128-1:0] old, next;
  logic [SumW-1:0] place;
  logic fresh;
  assign place = axis_all ? SumW'(0) : group[SumW-1:0];
  assign fresh = begins && row == 16'd0 && (!axis_all || group == 16'd0);
  assign old = sum_q[(state_q == Write) ? write_group_q[SumW-1:0] : place];
  always_ff @(posedge clk_i) if (state_q == Add) sum_q[place] <= next;

  function automatic logic signed [17:0] shifted(input logic [31:0] x, input logic [5:0] by);
    shifted = 18'(($signed({x[31], x}) + ((by == 6'd0) ? 33'sd0 : $signed(33'd1 << (by - 6'd1)))) >>> by);
  endfunction

  logic signed [63:0] t, e, first, second, first_add, second_add;
  logic valid;
  always_comb begin
    next = old;
    t = '0;
    e = '0;
    first = '0;
    second = '0;
    first_add = '0;
    second_add = '0;
    valid = 1'b0;
    for (int k = 0; k < V; k++) begin
      valid = (group << LogV) + 16'(k) < cols_i;
      t = 64'(shifted(u_q[k*32+:32], shift_u_q));
      e = 64'(shifted(v_q[k*32+:32], shift_v_q));
      first = $signed(old[k*128+:64]);
      second = $signed(old[k*128+64+:64]);
      if (range) begin
        if (fresh) begin
          // No element yet: the neutral values of minimum and maximum.
          first = 64'sh0000_0000_7fff_ffff;
          second = 64'shffff_ffff_8000_0000;
        end
        first_add = 64'($signed(u_q[k*32+:32]));
        if (valid && first_add < first) first = first_add;
        if (valid && first_add > second) second = first_add;
      end else begin
        first_add = (kind == bl_pkg::REDUCE_ABSOLUTE && t < 64'sd0) ? -t : t;
        second_add = t * ((kind == bl_pkg::REDUCE_CROSS) ? e : t);
        first = (fresh ? 64'sd0 : first) + (valid ? first_add : 64'sd0);
        second = (fresh ? 64'sd0 : second) + (valid ? second_add : 64'sd0);
      end
      next[k*128+:64] = first;
      next[k*128+64+:64] = second;
    end
  end

  // ---- Results
  logic signed [63:0] total_first, total_second, lane_first, lane_second;
  logic [31:0] low_magnitude, high_magnitude, score;
  logic [V*32-1:0] line;
  always_comb begin
    total_first = $signed(old[63:0]);
    total_second = $signed(old[127:64]);
    lane_first = '0;
    lane_second = '0;
    for (int k = 1; k < V; k++) begin
      lane_first = $signed(old[k*128+:64]);
      lane_second = $signed(old[k*128+64+:64]);
      if (!range) begin
        total_first = total_first + lane_first;
        total_second = total_second + lane_second;
      end else begin
        if (lane_first < total_first) total_first = lane_first;
        if (lane_second > total_second) total_second = lane_second;
      end
    end
    line = '0;
    low_magnitude = '0;
    high_magnitude = '0;
    score = '0;
    for (int k = 0; k < V; k++) begin
      lane_first = axis_all ? total_first : $signed(old[k*128+:64]);
      lane_second = axis_all ? total_second : $signed(old[k*128+64+:64]);
      low_magnitude = lane_first[31] ? -lane_first[31:0] : lane_first[31:0];
      high_magnitude = lane_second[31] ? -lane_second[31:0] : lane_second[31:0];
      score = (low_magnitude > high_magnitude) ? low_magnitude : high_magnitude;
      if (axis_all ? k == 0 : (write_group_q << LogV) + 16'(k) < cols_i) begin
        case (line_q)
          2'd0: line[k*32+:32] = lane_first[31:0];
          2'd1: line[k*32+:32] = range ? lane_second[31:0] : lane_first[63:32];
          2'd2: line[k*32+:32] = range ? score : lane_second[31:0];
          default: line[k*32+:32] = lane_second[63:32];
        endcase
      end
    end
  end

  logic [15:0] out_address;
  assign out_address = (parity2_i ? stride : 16'd0) + {14'd0, line_q} * (axis_all ? 16'd1 : groups) + write_group_q;
  assign raw_we_o = state_q == Write;
  assign raw_addr_o = out_address[RawW-1:0];
  assign raw_data_o = line;

  logic unused_bits;
  assign unused_bits = ^{cmd_i, address, out_address, table_data_i[31:6], e, t, lane_first, lane_second};

endmodule
