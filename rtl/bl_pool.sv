// The command POOL (docs/commands.md, N15): accumulates the taps of pooling windows over i1 and i2 between the operands of bl_stream and, with the
// last tap, the results that bl_write takes in stage 3. An accumulator is read and written in stage 1, the result is made of it in stage 2.
module bl_pool #(
    parameter int V = bl_pkg::LANES
) (
    input  logic              clk_i,
    input  logic              run_i,
    input  logic [     511:0] cmd_i,
    input  logic [      15:0] cols_i,
    input  logic [      31:0] i1_i,
    input  logic [      15:0] i2_i,
    input  logic              begins_i,     // the first tap
    input  logic              ends_i,       // the last
    // What the command needs of bl_stream
    output logic [       6:0] reads_o,
    output logic [       2:0] writes_o,
    // From bl_stream
    input  logic [7*V*32-1:0] operand_i,
    input  logic [       7:1] valid_i,
    input  logic [  8*16-1:0] groups_i,
    input  logic [  8*16-1:0] indices_i,
    // Stage 3: raw view, winner, mask; what the statistics count
    output logic              push_o,
    output logic [3*V*32-1:0] words_o,
    output logic [  V*31-1:0] magnitude_o,
    output logic [     V-1:0] saturated_o
);

  localparam int LogV = $clog2(V);
  localparam int PlaceW = $clog2(bl_pkg::POOL_WORDS);

  // ---- The command
  logic mask_in, relu, is_max, is_backward;
  logic [7:0] code;  // of the tap, modulo 256
  assign mask_in = cmd_i[bl_pkg::F_FLAGS_LSB+bl_pkg::FLAG_MASK_IN] && ends_i;
  assign relu = cmd_i[bl_pkg::F_FLAGS_LSB+bl_pkg::FLAG_RELU];
  assign is_max = cmd_i[bl_pkg::F_POOL_OP_LSB+:2] == bl_pkg::POOL_MAX;
  assign is_backward = cmd_i[bl_pkg::F_POOL_OP_LSB+:2] == bl_pkg::POOL_MAX_BACKWARD;
  assign code = cmd_i[bl_pkg::F_CODE0_LSB+:8] + i1_i[7:0] * cmd_i[bl_pkg::F_CODE1_LSB+:8] + i2_i[7:0] * cmd_i[bl_pkg::F_CODE2_LSB+:8];
  assign reads_o = {4'd0, mask_in, is_backward, 1'b1};
  assign writes_o = ends_i ? {cmd_i[bl_pkg::F_FLAGS_LSB+bl_pkg::FLAG_MASK_OUT], is_max, 1'b1} : 3'd0;

  // ---- Stage 1. Accumulators: a sum or maximum of 48 bits and the winner's code for each element
  logic [V*56-1:0] acc_q[bl_pkg::POOL_WORDS];
  logic [V*56-1:0] old, next, next_q;
  logic [V-1:0] keep, keep_q, in_tile, in_tile_q;
  logic [PlaceW-1:0] place;
  logic signed [47:0] value, data;
  assign place = indices_i[16+:PlaceW];
  assign old = acc_q[place];
  always_comb begin
    next = old;
    value = '0;
    data = '0;
    keep = '0;
    in_tile = '0;
    for (int k = 0; k < V; k++) begin
      data = 48'($signed(operand_i[k*32+:32]));
      value = $signed(old[k*56+:48]);
      if (is_max) begin
        if (begins_i) begin
          value = -48'sd2147483648;
          next[k*56+48+:8] = code;
        end
        if (data > value) begin
          value = data;
          next[k*56+48+:8] = code;
        end
      end else begin
        if (begins_i) value = 48'sd0;
        if (!is_backward || operand_i[V*32+k*32+:8] == code) value = value + data;
      end
      next[k*56+:48] = value;
      keep[k] = !mask_in || operand_i[2*V*32+k*32+:32] != 32'd0;
      in_tile[k] = (groups_i[16+:16] << LogV) + 16'(k) < cols_i;
    end
  end
  always_ff @(posedge clk_i) begin
    if (run_i && valid_i[1]) begin
      acc_q[place] <= next;
      next_q <= next;
      keep_q <= keep;
      in_tile_q <= in_tile;
    end
  end

  // ---- Stage 2
  logic [V*32-1:0] raw, winner, positive, raw_q, winner_q, positive_q;
  logic [V-1:0] saturated, saturated_q;
  for (genvar k = 0; k < V; k++) begin : g_result
    logic [47:0] result;
    assign result = next_q[k*56+:48];
    bl_raw_view u_raw_view (
        .value_i((in_tile_q[k] && keep_q[k] && !(relu && result[47])) ? result : 48'd0),
        .raw16_i(cmd_i[bl_pkg::F_RAW16_LSB]),
        .shift_i(cmd_i[bl_pkg::F_RAW_SHIFT_LSB+:4]),
        .raw_o(raw[k*32+:32]),
        .saturated_o(saturated[k])
    );
    assign winner[k*32+:32] = in_tile_q[k] ? {24'd0, next_q[k*56+48+:8]} : 32'd0;
    assign positive[k*32+:32] = {31'd0, !raw[k*32+31] && raw[k*32+:32] != 32'd0};
  end
  always_ff @(posedge clk_i) begin
    if (run_i && valid_i[2]) begin
      raw_q <= raw;
      winner_q <= winner;
      positive_q <= positive;
      saturated_q <= saturated;
    end
  end

  // ---- Stage 3
  logic [31:0] size;
  always_comb begin
    size = '0;
    magnitude_o = '0;
    for (int k = 0; k < V; k++) begin
      size = raw_q[k*32+31] ? -raw_q[k*32+:32] : raw_q[k*32+:32];
      magnitude_o[k*31+:31] = size[30:0];
    end
  end
  assign push_o = run_i && ends_i && valid_i[3];
  assign words_o = {positive_q, winner_q, raw_q};
  assign saturated_o = saturated_q;

  logic unused_bits;
  assign unused_bits = ^{cmd_i, i1_i, i2_i, operand_i, valid_i, groups_i, indices_i, size};

endmodule
