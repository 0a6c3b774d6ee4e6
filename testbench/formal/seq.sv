// The sequencer's side of two protocols, in every cycle of every state: it takes a command only while its queue has one
// (queue.sv), and tokens only while all that it needs are there (tokens.sv). It sends only in the last cycle of an execution,
// but a STORE's tokens to the vector queue when it has read VOUT, and then no others.
// What it needs and sends are the tokens of its command: each of the three fields counts once, two on one id are 2.
// The loops are not looked at here: commands are any, and whether a field applies at this iteration is free.
//@ rtl: bl_seq
//@ cycles: 9
//@ induction: 1
//@ cut: t:$mem_v2
//@ part: quick
//@ break: bl_seq.sv | assign head_pop_o = (state_q == TakeGroup) && head_valid_i && !stop_i; | assign head_pop_o = (state_q == TakeGroup) && !stop_i;
//@ break: bl_seq.sv | assign take_o = (begins || closed_q) && ready_i; | assign take_o = begins || (closed_q && ready_i);
//@ break: bl_seq.sv | (overlaps && !Stores && early_i)) && room | (overlaps && !Stores)) && room
//@ break: bl_seq.sv | (count_q != (PlaceW+1)'(Ahead)) | 1'b1
//@ break: bl_seq.sv | (overlaps ? sends & Sooner : sends) | sends
//@ break: bl_seq.sv | exec_end_i ? sends_q[out_q] & ~Sooner : 16'd0 | exec_end_i ? sends_q[out_q] : 16'd0
//@ break: bl_seq.sv | overlaps && !Stores && early_i | overlaps && early_i
module proof (
    input logic         clk_i,
    input logic         rst_ni,
    input logic         flush_i,
    input logic         stop_i,
    input logic [511:0] head_cmd_i,
    input logic         head_valid_i,
    input logic         ready_i,
    input logic         early_i,
    input logic         exec_done_i,
    input logic [2:0]   exec_end_i
);
  // With STOREs under way beside each other, with LOADs, and with neither: 2, 1 and 0.
  logic [2:0] pop, take, take_early, done, running, checking;
  logic [15:0] need [3], send [3];
  bl_seq #(.Ahead(2), .Stores(1'b1)) store (
      .clk_i, .rst_ni, .flush_i, .stop_i, .base_i(64'd0), .batch_i(64'd0), .head_valid_i, .head_cmd_i, .head_pop_o(pop[2]),
      .need_o(need[2]), .ready_i, .early_i, .take_o(take[2]), .take_early_o(take_early[2]), .send_o(send[2]), .exec_done_i,
      .exec_end_i(exec_end_i[2]), .done_o(done[2]), .running_o(running[2]), .checking_o(checking[2])
  );
  bl_seq #(.Ahead(2)) load (
      .clk_i, .rst_ni, .flush_i, .stop_i, .base_i(64'd0), .batch_i(64'd0), .head_valid_i, .head_cmd_i, .head_pop_o(pop[1]),
      .need_o(need[1]), .ready_i, .early_i, .take_o(take[1]), .take_early_o(take_early[1]), .send_o(send[1]), .exec_done_i,
      .exec_end_i(exec_end_i[1]), .done_o(done[1]), .running_o(running[1]), .checking_o(checking[1])
  );
  bl_seq plain (
      .clk_i, .rst_ni, .flush_i, .stop_i, .base_i(64'd0), .batch_i(64'd0), .head_valid_i, .head_cmd_i, .head_pop_o(pop[0]),
      .need_o(need[0]), .ready_i, .early_i, .take_o(take[0]), .take_early_o(take_early[0]), .send_o(send[0]), .exec_done_i,
      .exec_end_i(exec_end_i[0]), .done_o(done[0]), .running_o(running[0]), .checking_o(checking[0])
  );
  (* hierconn *) wire [23:0] \store.waits ;
  (* hierconn *) wire \store.closed_q ;
  (* hierconn *) wire \store.over ;
  (* hierconn *) wire [1:0] \store.g_ahead.count_q ;
  (* hierconn *) wire [23:0] \load.waits ;
  (* hierconn *) wire [23:0] \plain.waits ;
  (* hierconn *) wire \load.closed_q ;
  (* hierconn *) wire \plain.closed_q ;
  (* hierconn *) wire [1:0] \load.state_q ;
  (* hierconn *) wire [1:0] \plain.state_q ;
  (* hierconn *) wire [1:0] \load.g_ahead.count_q ;

  function automatic logic [4:0] sum_of(input logic [15:0] numbers);
    sum_of = 5'd0;
    for (int k = 0; k < 8; k++) sum_of = sum_of + {3'd0, numbers[k*2+:2]};
  endfunction
  function automatic logic [4:0] valid_of(input logic [23:0] fields);
    valid_of = 5'(fields[7]) + 5'(fields[15]) + 5'(fields[23]);
  endfunction

  logic begun = 1'b0;
  always_ff @(posedge clk_i) begun <= 1'b1;
  always_comb begin
    assume (begun || !rst_ni);
    assume (!exec_end_i[1] || \load.g_ahead.count_q != 2'd0);  // a LOAD ends that is under way
    assume (!exec_end_i[2] || \store.g_ahead.count_q != 2'd0);
    for (int n = 0; n < 3; n++) begin
      assert (!pop[n] || head_valid_i);
      assert (!take[n] || ready_i);
      assert (!take_early[n] || early_i);
      if (begun) assert (!(take[n] && take_early[n]) && !(pop[n] && (take[n] || take_early[n])));
      assert (need[n] == 16'd0 || checking[n]);
      if (begun && n < 2) assert (send[n] == 16'd0 || done[n]);
      if (begun) assert (!done[n] || running[n]);
    end
    assert (sum_of(need[1]) <= valid_of(\load.waits ) && sum_of(need[0]) <= valid_of(\plain.waits ));
    assert (sum_of(need[2]) <= valid_of(\store.waits ));
    if (begun) assert ((send[2] & 16'hf0ff) == 16'd0 || done[2]);
    if (begun) assert ((send[2] & 16'h0f00) == 16'd0 || \store.over );
    assert (!take_early[0] && !take_early[2]);
    if (begun) assert (\load.g_ahead.count_q <= 2'd2 && \store.g_ahead.count_q <= 2'd2);
    // What makes it inductive.
    if (begun) assert (!\load.closed_q  || \load.state_q == 2'd2);
    if (begun) assert (!\plain.closed_q  || \plain.state_q == 2'd2);
    if (begun) assert (!\store.closed_q );
    cover (begun && \store.g_ahead.count_q == 2'd2 && \store.over && (send[2] & 16'h0f00) != 16'd0);
    cover (begun && \load.g_ahead.count_q == 2'd2);
  end
endmodule
