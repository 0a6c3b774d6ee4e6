// The command AFFINE (docs/commands.md, N12). A group of LANES elements reads its inputs one word a cycle (u, v, mask, then the vectors a, b, c),
// computes in two cycles, and writes its outputs one word a cycle.
module bl_affine #(
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
    input  logic            parity_i,
    output logic [    11:0] table_addr_o,
    input  logic [    31:0] table_data_i,
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

  // ---- The command
  logic v_in, v_row, mask_in, relu, raw_out, mask_out, coef_scalar;
  logic [2:0] vectors;  // c, b, a
  logic [15:0] cols, groups, stride, vin_base, tiles;
  assign v_in = cmd_i[bl_pkg::F_FLAGS_LSB+bl_pkg::FLAG_V_IN];
  assign v_row = cmd_i[bl_pkg::F_FLAGS_LSB+bl_pkg::FLAG_V_ROW];
  assign mask_in = cmd_i[bl_pkg::F_FLAGS_LSB+bl_pkg::FLAG_MASK_IN];
  assign relu = cmd_i[bl_pkg::F_FLAGS_LSB+bl_pkg::FLAG_RELU];
  assign raw_out = cmd_i[bl_pkg::F_FLAGS_LSB+bl_pkg::FLAG_RAW_OUT];
  assign mask_out = cmd_i[bl_pkg::F_FLAGS_LSB+bl_pkg::FLAG_MASK_OUT];
  assign vectors = {cmd_i[bl_pkg::F_FLAGS_LSB+bl_pkg::FLAG_C_VECTOR], cmd_i[bl_pkg::F_FLAGS_LSB+bl_pkg::FLAG_B_VECTOR],
                    cmd_i[bl_pkg::F_FLAGS_LSB+bl_pkg::FLAG_A_VECTOR]};
  assign coef_scalar = cmd_i[bl_pkg::F_COEF_SCALAR_LSB];
  assign cols = cmd_i[bl_pkg::F_COLS_LSB+:16];
  assign groups = 16'(({1'b0, cols} + 17'(V - 1)) >> LogV);
  assign stride = cmd_i[bl_pkg::F_VIN_STRIDE_LSB+:16];
  assign vin_base = cmd_i[bl_pkg::F_VIN_BASE_LSB+:16];
  assign tiles = 16'd1 + {15'd0, v_in} + {15'd0, mask_in};

  // ---- Order: three table entries, then for each group its reads (6 steps, of which those not needed are skipped), Compute, Write
  typedef enum logic [2:0] {ReadA, ReadB, ReadC, Fetch, Last, Compute, Raw, Mask} state_e;
  state_e state_q, state_d;
  logic [5:0] needs, left_q, left_d, chosen;  // inputs u, v, mask, a, b, c from bit 0 up
  logic [5:0] taken_q;                        // whose word arrives in this cycle
  logic start, step, active, last, unused_active;
  logic [15:0] row, group, index;
  assign needs = {vectors, mask_in, v_in, 1'b1};
  assign chosen = left_q & (~left_q + 6'd1);
  assign left_d = left_q & ~chosen;
  assign unused_active = active;

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
    case (state_q)
      ReadA: if (run_i) state_d = ReadB;
      ReadB: state_d = ReadC;
      ReadC: begin
        state_d = Fetch;
        start = 1'b1;
      end
      Fetch: if (left_d == 6'd0) state_d = Last;
      Last: state_d = Compute;
      Compute: state_d = raw_out ? Raw : (mask_out ? Mask : (last ? ReadA : Fetch));
      Raw: state_d = mask_out ? Mask : (last ? ReadA : Fetch);
      default: state_d = last ? ReadA : Fetch;
    endcase
    step = (state_q == Compute || state_q == Raw || state_q == Mask) && (state_d == Fetch || state_d == ReadA);
    done_o = step && last;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q <= ReadA;
      left_q <= '0;
      taken_q <= '0;
    end else begin
      state_q <= state_d;
      taken_q <= (state_q == Fetch) ? chosen : 6'd0;
      if (state_q == Fetch) left_q <= left_d;
      else left_q <= needs;
    end
  end

  always_comb begin
    case (state_q)
      ReadB: table_addr_o = cmd_i[bl_pkg::F_LIMIT_LSB+:12];
      ReadC: table_addr_o = cmd_i[bl_pkg::F_ADDEND_LSB+:12];
      default: table_addr_o = cmd_i[bl_pkg::F_RATIO_LSB+:12];
    endcase
  end

  // ---- Addresses
  logic [15:0] section, coefficient, address, at;
  always_comb begin
    section = 16'd0;
    if (chosen[1]) section = 16'd1;
    if (chosen[2]) section = v_in ? 16'd2 : 16'd1;
    coefficient = 16'd0;
    if (chosen[4]) coefficient = {15'd0, vectors[0]};
    if (chosen[5]) coefficient = {15'd0, vectors[0]} + {15'd0, vectors[1]};
    at = (chosen[1] && v_row) ? row : index;
    if (chosen[5:3] == 3'd0) address = vin_base + ((section << 1) + {15'd0, parity_i}) * stride + at;
    else address = vin_base + (tiles << 1) * stride + ((coefficient << 1) + {15'd0, parity_i}) * groups + (coef_scalar ? 16'd0 : group);
  end
  assign vin_addr_o = address[VinW-1:0];

  // ---- Operands
  logic [V*32-1:0] u_q, v_q, mask_q, a_q, b_q, c_q, word, first_lane;
  assign word = vin_data_i;
  assign first_lane = {V{vin_data_i[31:0]}};
  always_ff @(posedge clk_i) begin
    if (state_q == ReadA) a_q <= {V{table_data_i}};
    if (state_q == ReadB) b_q <= {V{table_data_i}};
    if (state_q == ReadC) c_q <= {V{table_data_i}};
    if (taken_q[0]) u_q <= word;
    if (taken_q[1]) v_q <= v_row ? first_lane : word;
    if (taken_q[2]) mask_q <= word;
    if (taken_q[3]) a_q <= coef_scalar ? first_lane : word;
    if (taken_q[4]) b_q <= coef_scalar ? first_lane : word;
    if (taken_q[5]) c_q <= coef_scalar ? first_lane : word;
  end

  // ---- Lanes
  logic [V*32-1:0] raw, raw_q, positive_q;
  logic [V-1:0] positive, saturated, valid;
  for (genvar k = 0; k < V; k++) begin : g_lane
    bl_affine_lane u_lane (
        .has_v_i(v_in),
        .masked_i(mask_in && mask_q[k*32+:32] == 32'd0),
        .relu_i(relu),
        .u_i(u_q[k*32+:32]),
        .v_i(v_q[k*32+:32]),
        .a_i(a_q[k*32+:32]),
        .b_i(b_q[k*32+:32]),
        .c_i(c_q[k*32+:32]),
        .raw_o(raw[k*32+:32]),
        .positive_o(positive[k]),
        .saturated_o(saturated[k])
    );
    assign valid[k] = (group << LogV) + 16'(k) < cols_i;
  end

  // ---- Results and statistics
  logic [31:0] max, count, magnitude;
  always_comb begin
    max = stat_i[31:0];
    count = stat_i[95:64];
    magnitude = 32'd0;
    for (int k = 0; k < V; k++) begin
      magnitude = raw[k*32+31] ? -raw[k*32+:32] : raw[k*32+:32];
      if (valid[k] && magnitude > max) max = magnitude;
      if (valid[k] && saturated[k]) count = count + 32'd1;
    end
  end
  assign stat_we_o = state_q == Compute;
  assign stat_o = {count, 32'd0, max};

  always_ff @(posedge clk_i) begin
    if (state_q == Compute) begin
      for (int k = 0; k < V; k++) begin
        raw_q[k*32+:32] <= valid[k] ? raw[k*32+:32] : 32'd0;
        positive_q[k*32+:32] <= {31'd0, valid[k] && positive[k]};
      end
    end
  end

  logic [15:0] out_address;
  assign out_address = (parity_i ? stride : 16'd0) + ((state_q == Mask && raw_out) ? stride << 1 : 16'd0) + index;
  assign raw_we_o = state_q == Raw || state_q == Mask;
  assign raw_addr_o = out_address[RawW-1:0];
  assign raw_data_o = (state_q == Mask) ? positive_q : raw_q;

  logic unused_bits;
  assign unused_bits = ^{cmd_i, address, out_address, stat_i[63:32]};

endmodule
