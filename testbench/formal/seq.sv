// The sequencer's side of two protocols, in every cycle of every state: it takes a command only while its queue has one
// (queue.sv), and tokens only while all that it needs are there (tokens.sv). It sends only in the last cycle of an execution, and
// what it needs and sends are the tokens of its command: each of the three fields counts once, two on one id are 2.
// The loops are not looked at here: commands are any, and whether a field applies at this iteration is free.
//@ rtl: bl_seq
//@ cycles: 2
//@ induction: 1
//@ cut: t:$mem_v2
//@ part: quick
//@ break: bl_seq.sv | assign head_pop_o = (state_q == TakeGroup) && head_valid_i && !stop_i; | assign head_pop_o = (state_q == TakeGroup) && !stop_i;
//@ break: bl_seq.sv | assign start_o = checking_o && ready_i && !stop_i; | assign start_o = checking_o && !stop_i;
module proof (
    input logic         clk_i,
    input logic         rst_ni,
    input logic         flush_i,
    input logic         stop_i,
    input logic [511:0] head_cmd_i,
    input logic         head_valid_i,
    input logic         ready_i,
    input logic         exec_done_i
);
  logic pop, take, done, running, checking, start;
  logic [15:0] need, send;
  bl_seq dut (
      .clk_i, .rst_ni, .flush_i, .stop_i, .base_i(64'd0), .batch_i(64'd0), .head_valid_i, .head_cmd_i, .head_pop_o(pop),
      .need_o(need), .ready_i, .take_o(take), .send_o(send), .exec_done_i, .done_o(done), .running_o(running),
      .checking_o(checking), .start_o(start)
  );
  (* hierconn *) wire [23:0] \dut.waits ;
  (* hierconn *) wire [23:0] \dut.signals ;
  logic [4:0] needs, sends, most_waits, most_signals;
  always_comb begin
    needs = 5'd0;
    sends = 5'd0;
    for (int k = 0; k < 8; k++) begin
      needs = needs + {3'd0, need[k*2+:2]};
      sends = sends + {3'd0, send[k*2+:2]};
    end
    most_waits = 5'(\dut.waits [7]) + 5'(\dut.waits [15]) + 5'(\dut.waits [23]);
    most_signals = 5'(\dut.signals [7]) + 5'(\dut.signals [15]) + 5'(\dut.signals [23]);
    assert (!pop || head_valid_i);
    assert (!take || ready_i);
    assert (!take || !stop_i);
    assert (send == 16'd0 || done);
    assert (!done || running);
    assert (need == 16'd0 || checking);
    assert (needs <= most_waits && sends <= most_signals);
    assert (take == start && !(take && pop));
  end
endmodule
