// The optimizer update: the command UPDATE (docs/commands.md; N9, with LWQ N23, with LWQ and MASTER32 its latent weight kept whole, with LWQ and FROM_VIN by a step of Adam, N25.8): the lanes between the operands of bl_stream and the results that
// bl_write takes in stage 7.
module bl_update #(
    parameter int V = bl_pkg::LANES
) (
    input  logic              clk_i,
    input  logic              rst_ni,
    input  logic              run_i,
    input  logic [     511:0] cmd_i,
    input  logic [      15:0] cols_i,
    input  logic [      31:0] col0_i,
    // What the command needs of bl_stream
    output logic [       6:0] reads_o,
    output logic [       2:0] writes_o,
    output logic              draws_o,
    // From bl_stream
    input  logic [  5*32-1:0] entry_i,
    input  logic [7*V*32-1:0] operand_i,
    input  logic [       7:1] valid_i,
    input  logic [  8*16-1:0] groups_i,
    input  logic [bl_pkg::RANDOM16_BITS-1:0] word_i,
    // Stage 7: master (or q, residual; or latent, q), momentum; statistics
    output logic              push_o,
    output logic [3*V*32-1:0] words_o,
    input  logic [     159:0] stat_i,
    output logic [     159:0] stat_o
);

  localparam int LogV = $clog2(V);

  logic lwq, wide, codes, made_step, half_up;
  logic [30:0] limit;
  assign lwq = cmd_i[bl_pkg::F_FLAGS_LSB+bl_pkg::FLAG_LWQ];
  assign half_up = cmd_i[bl_pkg::F_FLAGS_LSB+bl_pkg::FLAG_HALF_UP];
  assign wide = cmd_i[bl_pkg::F_FLAGS_LSB+bl_pkg::FLAG_MASTER32];
  assign codes = lwq && !wide;
  assign made_step = lwq && cmd_i[bl_pkg::F_FLAGS_LSB+bl_pkg::FLAG_FROM_VIN];
  assign limit = wide ? 31'h7fff_ffff : 31'h007f_ffff;
  assign reads_o = {3'b000, codes && !made_step, codes || !made_step, 2'b11};
  assign writes_o = {!made_step, lwq, 1'b1};
  assign draws_o = !half_up;

  logic [15:0] group;
  logic [1:0] field;
  logic [bl_pkg::RANDOM16_BITS-1:0] word;
  logic [V*32-1:0] momentum, master, residual, magnitude;
  logic [V*31-1:0] moved;
  logic [V*2-1:0] master_saturated;
  logic [V-1:0] momentum_saturated;
  // Groups are at least three cycles apart: never in stages 4 and 6 at once.
  assign group = valid_i[4] ? groups_i[4*16+:16] : groups_i[6*16+:16];
  assign field = 2'(col0_i) + 2'(group << LogV);
  assign word = word_i >> {field, 4'd0};

  for (genvar v = 0; v < V; v++) begin : g_lane
    bl_update_lane u_lane (
        .clk_i,
        .rst_ni,
        .valid_i(run_i ? valid_i[6:1] : 6'd0),
        .in_tile_i({group, LogV'(v)} < (16 + LogV)'(cols_i)),
        .lwq_i(lwq),
        .whole_i(wide),
        .made_step_i(made_step),
        .half_up_i(half_up),
        .by_gradient_i(entry_i[31:0]),
        .by_old_i(lwq ? entry_i[63:32] : {16'd16, cmd_i[bl_pkg::F_MU16_LSB+:16]}),  // mu16 / 2^16
        .by_new_i(entry_i[127:96]),
        .limit_i(limit),
        .qmax_i(cmd_i[bl_pkg::F_QMAX_LSB+:8]),
        .read_level_i(entry_i[65:64]),
        .write_level_i(entry_i[129:128]),
        .gradient_i(operand_i[v*32+:32]),
        .master_i(operand_i[V*32+v*32+:32]),
        .residual_i(operand_i[2*V*32+v*32+:4]),
        .momentum_i(operand_i[(codes?3:2)*V*32+v*32+:16]),
        .u_i(half_up ? 16'd32767 : word[v*16+:16]),
        .momentum_o(momentum[v*32+:32]),
        .momentum_saturated_o(momentum_saturated[v]),
        .master_o(master[v*32+:32]),
        .residual_o(residual[v*32+:32]),
        .magnitude_o(magnitude[v*32+:32]),
        .saturated_o(master_saturated[v*2+:2]),
        .moved_o(moved[v*31+:31])
    );
  end
  assign push_o = run_i && valid_i[7];
  assign words_o = {momentum, residual, master};

  // Largest magnitude, saturations of the master and of the momentum, sum of the changes
  always_comb begin
    stat_o = stat_i;
    for (int v = 0; v < V; v++) begin
      if (magnitude[v*32+:32] > stat_o[31:0]) stat_o[31:0] = magnitude[v*32+:32];
      stat_o[63:32] = stat_o[63:32] + {30'd0, master_saturated[v*2+:2]};
      stat_o[95:64] = stat_o[95:64] + {31'd0, momentum_saturated[v]};
      stat_o[159:96] = stat_o[159:96] + {33'd0, moved[v*31+:31]};
    end
  end

  logic unused_bits;
  assign unused_bits = ^{cmd_i, col0_i, operand_i, valid_i, groups_i, entry_i, word};

endmodule
