// Token counters of bl_tokens, for ever: all 32 are counted here by docs/commands.md with room for every mistake. None is
// ever below 0; one is above TOKEN_MAX only in a cycle that reports an overflow of its sender; what is taken and sent in
// one cycle adds up; two waits on one id need 2; the first counter that a queue lacks is named; the tokens of
// the load and the store queue are those that are taken early. Assumed: a queue takes only what is there (seq.sv), and an overflow ends the program (nothing more is said of the counters behind it).
//@ rtl: bl_tokens
//@ cycles: 4
//@ induction: 1
//@ part: long
//@ break: bl_tokens.sv | if (sum[8]) overflow_o | if (sum[1]) overflow_o
//@ break: bl_tokens.sv | < {6'd0, need_i[to*16+k*2+:2]} | < {7'd0, need_i[to*16+k*2]}
//@ break: bl_tokens.sv | (from == 0 || from == 3) | (from == 0 || from == 2)
//@ break: bl_tokens.sv | if (take_i[k/2] || | if ((take_i[k/2] && send_i[from*16+k*2+:2] == 2'd0) ||
//@ break: bl_tokens.sv | if (k < 2 || k >= 6) early_o | if (k >= 6) early_o
//@ break: bl_tokens.sv | for (int k = 7; k >= 0; k--) begin | for (int k = 0; k <= 7; k++) begin
//@ break: bl_tokens.sv | assign zero_o = (count_q == '0); | assign zero_o = (count_q[247:0] == '0);
module proof (
    input logic        clk_i,
    input logic        rst_ni,
    input logic        flush_i,
    input logic [63:0] need_i,
    input logic [ 3:0] take_i,
    input logic [ 3:0] take_early_i,
    input logic [63:0] send_i
);
  logic [3:0] ready, early, overflow;
  logic [19:0] lack;
  logic zero;
  bl_tokens dut (
      .clk_i, .rst_ni, .flush_i, .need_i, .take_i, .take_early_i, .send_i, .ready_o(ready), .early_o(early), .lack_o(lack), .zero_o(zero),
      .overflow_o(overflow)
  );
  (* hierconn *) wire [255:0] \dut.count_q ;

  logic begun = 1'b0;
  logic lost = 1'b0;  // behind an overflow
  always_ff @(posedge clk_i) begin
    begun <= 1'b1;
    if (!rst_ni || flush_i) lost <= 1'b0;
    else lost <= lost || overflow != 4'd0;
  end
  always_comb begin
    assume (begun || !rst_ni);
    assume ((take_i & ~ready) == 4'd0 && (take_early_i & ~early) == 4'd0);
  end

  // An id is from[4:3] | to[2:1] | channel[0]; a sender's numbers are by {to, channel}, a waiter's by {from, channel}.
  logic [31:0] lacks, high, some;
  for (genvar id = 0; id < 32; id++) begin : g_counter
    localparam int From = id / 8, To = (id / 2) % 4, Channel = id % 2;
    localparam bit Early = From == 0 || From == 3;  // of the load and the store queue
    logic [9:0] count, sent, needed, after;  // a number below 0 would be at least 2^9
    assign sent = {8'd0, send_i[From*16+(To*2+Channel)*2+:2]};
    assign needed = {8'd0, need_i[To*16+(From*2+Channel)*2+:2]};
    assign after = count + sent - (take_i[To] || (Early && take_early_i[To]) ? needed : 10'd0);
    always_ff @(posedge clk_i) begin
      if (!rst_ni || flush_i) count <= 10'd0;
      else count <= after;
    end
    assign lacks[id] = count < needed;
    assign high[id] = after > 10'(bl_pkg::TOKEN_MAX);
    assign some[id] = count != 10'd0;
    always_comb begin
      if (begun && !lost) begin
        assert (count <= 10'(bl_pkg::TOKEN_MAX));
        assert ({2'd0, \dut.count_q [id*8+:8]} == count);
        assert (!after[9]);
      end
    end
  end

  logic [3:0] lacking, lacking_early, above;
  logic [19:0] first;
  always_comb begin
    lacking = 4'd0;
    lacking_early = 4'd0;
    above = 4'd0;
    first = 20'd0;
    for (int to = 0; to < 4; to++) begin
      for (int id = 31; id >= 0; id--) begin
        if ((id / 2) % 4 == to && lacks[id]) begin
          lacking[to] = 1'b1;
          if (id / 8 == 0 || id / 8 == 3) lacking_early[to] = 1'b1;
          first[to*5+:5] = 5'(id);
        end
        if (id / 8 == to && high[id]) above[to] = 1'b1;
      end
    end
    if (begun && !lost) begin
      assert (ready == ~lacking && early == ~lacking_early);
      assert (lack == first);
      assert (overflow == above);
      assert (zero == (some == 32'd0));
      cover (some[9] && take_i[0] && need_i[5:4] == 2'd2 && send_i[19:16] != 4'd0);
    end
  end
endmodule
