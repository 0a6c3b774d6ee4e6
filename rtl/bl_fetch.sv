// The command processor: fetches the program, checks each command and hands it to its queue, in order. Up to Slots commands
// are fetched ahead. END waits until every queue is idle and then ends the program.
module bl_fetch (
    input  logic                           clk_i,
    input  logic                           rst_ni,
    input  logic                           start_i,
    input  logic                           stop_i,          // an error: do nothing more
    input  logic [                   63:0] program_i,       // byte address, a multiple of 64
    input  logic [                   31:0] length_i,        // commands
    // bursts, to the arbiter
    output logic                           burst_valid_o,
    output logic [                   63:0] burst_addr_o,
    output logic [                    8:0] burst_beats_o,
    input  logic                           burst_grant_i,
    input  logic                           beat_valid_i,
    input  logic [bl_pkg::AXI_BYTES*8-1:0] beat_data_i,
    // queues
    output logic [                    3:0] push_o,
    output logic [                  511:0] push_cmd_o,
    input  logic [                    3:0] push_ready_i,
    input  logic                           queues_idle_i,   // no command waits or runs
    input  logic                           queues_cut_i,    // a loop group lacks commands, and none waits
    input  logic                           tokens_zero_i,
    input  logic                           reads_idle_i,    // no burst is in flight
    // results
    output logic                           end_o,           // the program has ended
    output logic                           error_o,
    output logic [                    7:0] error_code_o,
    output logic [                   23:0] error_index_o,
    output logic [                   23:0] fetch_index_o    // number of the command that arrives now
);

  localparam int Slots = 4;
  localparam int CommandBeats = bl_pkg::COMMAND_BYTES / bl_pkg::AXI_BYTES;
  localparam int BurstBeats = (bl_pkg::MAX_BURST < CommandBeats) ? bl_pkg::MAX_BURST : CommandBeats;
  localparam int BeatW = (CommandBeats > 1) ? $clog2(CommandBeats) : 1;

  logic active_q;
  logic [31:0] asked_q;               // commands wholly asked for
  logic [63:0] addr_q;                // of the next burst
  logic [BeatW-1:0] ask_beat_q, in_beat_q;
  logic [2:0] held_q, whole_q;        // commands asked for and not handed on; those that are here
  logic [1:0] in_slot_q, out_slot_q;
  logic [23:0] in_index_q;
  logic [511:0] slot_q [Slots];

  logic [511:0] head;
  logic [7:0] opcode;
  logic have, legal, is_end, ended, ask_done, ask_starts, in_done, hand_on;

  // --- fetch ----------------------------------------------------------------------------------------------------------
  assign ask_starts = (ask_beat_q == '0);
  assign ask_done = (ask_beat_q == BeatW'(CommandBeats - BurstBeats));
  assign burst_valid_o = active_q && !stop_i && (asked_q != length_i) && (!ask_starts || held_q != 3'(Slots));
  assign burst_addr_o = addr_q;
  assign burst_beats_o = 9'(BurstBeats);
  assign in_done = beat_valid_i && (in_beat_q == BeatW'(CommandBeats - 1));
  assign fetch_index_o = in_index_q;

  always_ff @(posedge clk_i) begin
    if (beat_valid_i) slot_q[in_slot_q][in_beat_q*bl_pkg::AXI_BYTES*8+:bl_pkg::AXI_BYTES*8] <= beat_data_i;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni || start_i) begin
      active_q <= rst_ni;
      asked_q <= '0;
      addr_q <= program_i;
      ask_beat_q <= '0;
      in_beat_q <= '0;
      held_q <= '0;
      whole_q <= '0;
      in_slot_q <= '0;
      out_slot_q <= '0;
      in_index_q <= '0;
    end else begin
      if (end_o) active_q <= 1'b0;
      if (burst_grant_i) begin
        addr_q <= addr_q + 64'(BurstBeats * bl_pkg::AXI_BYTES);
        ask_beat_q <= ask_done ? '0 : ask_beat_q + BeatW'(BurstBeats);
        if (ask_done) asked_q <= asked_q + 32'd1;
      end
      if (beat_valid_i) begin
        in_beat_q <= in_done ? '0 : in_beat_q + 1'b1;
        if (in_done) begin
          in_slot_q  <= in_slot_q + 2'd1;
          in_index_q <= in_index_q + 24'd1;
        end
      end
      held_q  <= held_q + 3'(burst_grant_i && ask_starts) - 3'(hand_on);
      whole_q <= whole_q + 3'(in_done) - 3'(hand_on);
      if (hand_on) out_slot_q <= out_slot_q + 2'd1;
    end
  end

  // --- check and hand on ----------------------------------------------------------------------------------------------
  assign head = slot_q[out_slot_q];
  assign opcode = head[bl_pkg::F_OPCODE_LSB+:8];
  assign have = active_q && !stop_i && (whole_q != 3'd0);
  always_comb begin
    case (opcode)
      bl_pkg::OP_LOAD_NOP, bl_pkg::OP_LOAD, bl_pkg::OP_LOAD_SHAPE, bl_pkg::OP_ARRAY_NOP, bl_pkg::OP_GEMM,
      bl_pkg::OP_VECTOR_NOP, bl_pkg::OP_TILE, bl_pkg::OP_UPDATE, bl_pkg::OP_LOSS, bl_pkg::OP_SCALAR,
      bl_pkg::OP_TABLE_LOAD, bl_pkg::OP_TABLE_STORE, bl_pkg::OP_AFFINE, bl_pkg::OP_REDUCE, bl_pkg::OP_POOL, bl_pkg::OP_ADAM,
      bl_pkg::OP_STORE_NOP, bl_pkg::OP_STORE, bl_pkg::OP_STORE_SHAPE:
      legal = (head[bl_pkg::F_GROUP_LSB+:4] < 4'(bl_pkg::GROUP_MAX));
      default: legal = 1'b0;
    endcase
  end
  assign is_end = have && (opcode == bl_pkg::OP_END);
  // A program without END ends after its last command.
  assign ended = is_end || (active_q && !stop_i && asked_q == length_i && held_q == 3'd0);
  assign end_o = ended && queues_idle_i && tokens_zero_i && reads_idle_i;
  assign hand_on = have && legal && push_ready_i[opcode[7:6]];
  assign push_cmd_o = head;
  always_comb begin
    push_o = '0;
    push_o[opcode[7:6]] = hand_on;
  end

  assign error_o = (have && !legal && !is_end) || (ended && (queues_cut_i || (queues_idle_i && !tokens_zero_i)));
  assign error_code_o = (ended && !queues_cut_i) ? bl_pkg::ERR_TOKENS_LEFT : bl_pkg::ERR_ILLEGAL_OPCODE;
  assign error_index_o = have ? head[bl_pkg::F_INDEX_LSB+:24] : 24'hffffff;

endmodule
