// Command fetch, for ever: it pushes only while that queue has room (queue.sv), at most one command a cycle, and never asks for
// more than its 4 slots hold: no beat falls on a command that is not handed on yet. Commands are handed on in the order in which
// they arrive. Assumed: bursts are granted only when asked for, and beats come only for granted bursts (arbiter.sv).
// What the slots hold is free: commands may be any.
//@ rtl: bl_fetch
//@ cycles: 14
//@ induction: 1
//@ cut: t:$mem_v2
//@ part: quick
//@ break: bl_fetch.sv | assign hand_on = have && legal && push_ready_i[opcode[7:6]]; | assign hand_on = have && legal;
//@ break: bl_fetch.sv | held_q != 3'(Slots) | held_q != 3'(Slots + 1)
//@ break: bl_fetch.sv | whole_q <= whole_q + 3'(in_done) - 3'(hand_on); | whole_q <= whole_q + 3'(in_done);
module proof (
    input logic                           clk_i,
    input logic                           rst_ni,
    input logic                           start_i,
    input logic                           stop_i,
    input logic [                   31:0] length_i,
    input logic                           grant_i,
    input logic                           beat_i,
    input logic [bl_pkg::AXI_BYTES*8-1:0] data_i,
    input logic [                    3:0] push_ready_i,
    input logic                           queues_idle_i
);
  localparam int Beats = bl_pkg::COMMAND_BYTES / bl_pkg::AXI_BYTES;
  localparam int BeatW = $clog2(Beats);
  logic burst;
  logic [8:0] beats;
  logic [3:0] push;
  bl_fetch dut (
      .clk_i, .rst_ni, .start_i, .stop_i, .program_i(64'd0), .length_i, .burst_valid_o(burst), .burst_beats_o(beats),
      .burst_grant_i(grant_i), .beat_valid_i(beat_i), .beat_data_i(data_i), .push_o(push), .push_ready_i, .queues_idle_i,
      .queues_cut_i(1'b0), .tokens_zero_i(1'b1), .reads_idle_i(due == 10'd0)
  );
  (* hierconn *) wire [2:0] \dut.held_q ;
  (* hierconn *) wire [2:0] \dut.whole_q ;
  (* hierconn *) wire [1:0] \dut.in_slot_q ;
  (* hierconn *) wire [1:0] \dut.out_slot_q ;
  (* hierconn *) wire [BeatW-1:0] \dut.ask_beat_q ;
  (* hierconn *) wire [BeatW-1:0] \dut.in_beat_q ;

  logic begun = 1'b0;
  logic [9:0] due;      // beats granted and not here
  logic [9:0] inside;   // beats granted and not handed on
  always_ff @(posedge clk_i) begin
    begun <= 1'b1;
    if (!rst_ni || start_i) begin
      due <= 10'd0;
      inside <= 10'd0;
    end else begin
      due <= due + (grant_i ? {1'b0, beats} : 10'd0) - 10'(beat_i);
      inside <= inside + (grant_i ? {1'b0, beats} : 10'd0) - (push != 4'd0 ? 10'(Beats) : 10'd0);
    end
  end
  always_comb begin
    assume (begun || !rst_ni);
    assume (!start_i || due == 10'd0);  // the host starts a machine that rests
    assume (!grant_i || burst);
    assume (!beat_i || due != 10'd0);
    if (begun) begin
      assert ((push & ~push_ready_i) == 4'd0);
      assert ((push & (push - 4'd1)) == 4'd0);
      assert (inside <= 10'(4 * Beats) && due <= inside);
      assert (push == 4'd0 || inside - due >= 10'(Beats));
      // What makes it inductive.
      assert (\dut.whole_q <= \dut.held_q && \dut.held_q <= 3'd4);
      assert (\dut.in_slot_q == \dut.out_slot_q + \dut.whole_q [1:0]);
      assert (inside == 10'(\dut.held_q ) * 10'(Beats) - (\dut.ask_beat_q == '0 ? 10'd0 : 10'(Beats) - 10'(\dut.ask_beat_q )));
      assert (inside - due == 10'(\dut.whole_q ) * 10'(Beats) + 10'(\dut.in_beat_q ));
      cover (push == 4'b0100 && inside == 10'(4 * Beats));
    end
  end
endmodule
