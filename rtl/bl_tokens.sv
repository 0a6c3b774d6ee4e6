// The token counters: one for each (from, to, channel). Queue `from` sends, queue `to` takes, so each counter has one
// writer on either side. need_i, send_i: 2-bit counts, for a waiting queue by {from, channel}, for a sender by {to, channel}.
// Tokens of the load and the store queue are early ones, which can be taken before the others of one execution.
module bl_tokens (
    input  logic        clk_i,
    input  logic        rst_ni,
    input  logic        flush_i,
    input  logic [63:0] need_i,      // 16 bits a queue: tokens that its execution waits for
    input  logic [ 3:0] take_i,      // takes them; only while ready_o
    input  logic [ 3:0] take_early_i,  // takes the early ones of them; only while early_o
    input  logic [63:0] send_i,      // 16 bits a queue: tokens that it sends now
    output logic [ 3:0] ready_o,     // all that the queue needs is there
    output logic [ 3:0] early_o,     // all early ones of it are
    output logic [19:0] lack_o,      // 5 bits a queue: id of the first counter that it lacks
    output logic        zero_o,      // every counter is 0
    output logic [ 3:0] overflow_o   // a counter that this queue sends to would exceed its maximum
);

  logic [255:0] count_q, count_d;
  logic [8:0] sum;

  always_comb begin
    ready_o = 4'hf;
    early_o = 4'hf;
    lack_o  = '0;
    for (int to = 0; to < 4; to++) begin
      if (need_i[to*16+:16] != 16'd0) begin
        for (int k = 7; k >= 0; k--) begin  // {from, channel}
          if (count_q[((k/2)*8+to*2+(k%2))*8+:8] < {6'd0, need_i[to*16+k*2+:2]}) begin
            ready_o[to] = 1'b0;
            if (k < 2 || k >= 6) early_o[to] = 1'b0;
            lack_o[to*5+:5] = 5'((k / 2) * 8 + to * 2 + (k % 2));
          end
        end
      end
    end
  end

  always_comb begin
    count_d = count_q;
    overflow_o = '0;
    sum = '0;
    if ((take_i != 4'd0) || (take_early_i != 4'd0) || (send_i != 64'd0)) begin
      for (int from = 0; from < 4; from++) begin
        for (int k = 0; k < 8; k++) begin  // {to, channel}
          sum = {1'b0, count_q[(from*8+k)*8+:8]} + {7'd0, send_i[from*16+k*2+:2]};
          if (take_i[k/2] || (take_early_i[k/2] && (from == 0 || from == 3))) sum = sum - {7'd0, need_i[(k/2)*16+(from*2+(k%2))*2+:2]};
          if (sum[8]) overflow_o[from] = 1'b1;
          count_d[(from*8+k)*8+:8] = sum[7:0];
        end
      end
    end
  end

  assign zero_o = (count_q == '0);

  always_ff @(posedge clk_i) begin
    if (!rst_ni || flush_i) count_q <= '0;
    else count_q <= count_d;
  end

endmodule
