// Threefry-2x32-13 as a pipeline, one round a stage (N4.1, N4.3): the word of a counter leaves 14 cycles after it entered.
// The two keys must be stable while counters are in flight. Stages without a counter keep their registers.
module bl_threefry (
    input  logic         clk_i,
    input  logic         rst_ni,
    input  logic         valid_i,
    input  logic         sel_i,    // which key
    input  logic [127:0] keys_i,   // {key 1, key 0}, each {K.x1, K.x0}
    input  logic [ 31:0] row_i,
    input  logic [ 31:0] block_i,
    output logic         valid_o,
    output logic [ 63:0] word_o    // {x1, x0}
);

  localparam int Rounds = bl_pkg::THREEFRY_WORD_ROUNDS;

  // Word (i mod 3) of the key schedule.
  function automatic logic [31:0] schedule(input logic [63:0] key, input int i);
    case (i % 3)
      0: schedule = key[31:0];
      1: schedule = key[63:32];
      default: schedule = bl_pkg::THREEFRY_PARITY ^ key[31:0] ^ key[63:32];
    endcase
  endfunction

  function automatic int rotation(input int round);
    case (round % 8)
      0: rotation = bl_pkg::THREEFRY_ROTATION0;
      1: rotation = bl_pkg::THREEFRY_ROTATION1;
      2: rotation = bl_pkg::THREEFRY_ROTATION2;
      3: rotation = bl_pkg::THREEFRY_ROTATION3;
      4: rotation = bl_pkg::THREEFRY_ROTATION4;
      5: rotation = bl_pkg::THREEFRY_ROTATION5;
      6: rotation = bl_pkg::THREEFRY_ROTATION6;
      default: rotation = bl_pkg::THREEFRY_ROTATION7;
    endcase
  endfunction

  // Stage 0 takes the counter; stage r holds the state after round r.
  for (genvar r = 0; r <= Rounds; r++) begin : g_stage
    logic [31:0] x0_d, x1_d, x0_q, x1_q;
    logic [63:0] key;
    logic valid_d, sel_d, valid_q, sel_q;

    assign key = sel_d ? keys_i[127:64] : keys_i[63:0];
    if (r == 0) begin : g_first
      assign valid_d = valid_i;
      assign sel_d = sel_i;
      assign x0_d = row_i + schedule(key, 0);
      assign x1_d = block_i + schedule(key, 1);
    end else begin : g_round
      localparam int Rot = rotation(r - 1);
      logic [31:0] sum, mixed;
      assign valid_d = g_stage[r-1].valid_q;
      assign sel_d = g_stage[r-1].sel_q;
      assign sum = g_stage[r-1].x0_q + g_stage[r-1].x1_q;
      assign mixed = {g_stage[r-1].x1_q[31-Rot:0], g_stage[r-1].x1_q[31:32-Rot]} ^ sum;
      if (r % 4 == 0) begin : g_inject
        assign x0_d = sum + schedule(key, r / 4);
        assign x1_d = mixed + schedule(key, r / 4 + 1) + r / 4;
      end else begin : g_plain
        logic unused_key;
        assign unused_key = ^key;
        assign x0_d = sum;
        assign x1_d = mixed;
      end
    end

    always_ff @(posedge clk_i) begin
      if (!rst_ni) begin
        valid_q <= 1'b0;
        sel_q <= 1'b0;
        x0_q <= 32'd0;
        x1_q <= 32'd0;
      end else begin
        valid_q <= valid_d;
        if (valid_d) begin
          sel_q <= sel_d;
          x0_q <= x0_d;
          x1_q <= x1_d;
        end
      end
    end

    if (r == Rounds) begin : g_last
      logic unused_sel;
      assign unused_sel = sel_q;
    end
  end

  assign valid_o = g_stage[Rounds].valid_q;
  assign word_o = {g_stage[Rounds].x1_q, g_stage[Rounds].x0_q};

endmodule
