// bl_queue never overflows or underflows, and words leave it in the order in which they came, for ever: under a user that
// pushes only while ready_o and pops only while valid_o (fetch_push.sv and seq.sv prove that of its users).
// Depth 3: pointers wrap before their bits do. One word, chosen freely, is followed from its push to its pop.
//@ rtl: bl_queue
//@ cycles: 10
//@ induction: 2
//@ part: quick
//@ break: bl_queue.sv | assign ready_o = (count_q != CountW'(Depth)); | assign ready_o = 1'b1;
//@ break: bl_queue.sv | assign valid_o = (count_q != '0); | assign valid_o = 1'b1;
//@ break: bl_queue.sv | read_q == PointerW'(Depth - 1) | read_q == PointerW'(Depth)
module proof (
    input logic       clk_i,
    input logic       rst_ni,
    input logic       flush_i,
    input logic       push_i,
    input logic       pop_i,
    input logic [3:0] data_i,
    input logic       follow_i  // follow the word of this push
);
  localparam int Depth = 3;

  logic ready, valid;
  logic [3:0] data;
  bl_queue #(.Depth(Depth), .Width(4)) dut (
      .clk_i, .rst_ni, .flush_i, .push_i, .data_i, .ready_o(ready), .valid_o(valid), .data_o(data), .pop_i
  );

  (* hierconn *) wire [1:0] \dut.read_q ;
  (* hierconn *) wire [1:0] \dut.write_q ;
  (* hierconn *) wire [1:0] \dut.count_q ;
  (* hierconn *) wire [3:0] \dut.memory[0] ;
  (* hierconn *) wire [3:0] \dut.memory[1] ;
  (* hierconn *) wire [3:0] \dut.memory[2] ;

  logic begun = 1'b0;
  logic [7:0] held;       // words inside, counted with room for every mistake
  logic followed;
  logic [3:0] word;
  logic [7:0] ahead;      // words that leave before it
  always_ff @(posedge clk_i) begin
    begun <= 1'b1;
    if (!rst_ni || flush_i) begin
      held <= 8'd0;
      followed <= 1'b0;
    end else begin
      held <= held + 8'(push_i) - 8'(pop_i);
      if (!followed && push_i && follow_i) begin
        followed <= 1'b1;
        word <= data_i;
        ahead <= held - 8'(pop_i);
      end else if (followed && pop_i) begin
        followed <= (ahead != 8'd0);
        ahead <= ahead - 8'd1;
      end
    end
  end

  // Where the followed word must lie.
  logic [2:0] place;
  logic [3:0] there;
  assign place = ({1'b0, \dut.read_q } + ahead[2:0] >= 3'(Depth)) ? {1'b0, \dut.read_q } + ahead[2:0] - 3'(Depth) :
      {1'b0, \dut.read_q } + ahead[2:0];
  assign there = place == 3'd0 ? \dut.memory[0] : place == 3'd1 ? \dut.memory[1] : \dut.memory[2] ;

  always_comb begin
    assume (begun || !rst_ni);
    assume (!push_i || ready);
    assume (!pop_i || valid);
    if (begun) begin
      assert (held <= 8'(Depth));
      assert (ready == (held < 8'(Depth)));
      assert (valid == (held > 8'd0));
      if (followed && ahead == 8'd0) assert (data == word);
      // What makes it inductive.
      assert (\dut.count_q == held[1:0]);
      assert (\dut.read_q < 2'(Depth) && \dut.write_q < 2'(Depth));
      assert ((4'(\dut.read_q ) + 4'(held)) % 4'(Depth) == 4'(\dut.write_q ));
      if (followed) assert (ahead < held && there == word);
      cover (held == 8'(Depth) && followed && ahead == 8'd0 && \dut.read_q == 2'd2);
    end
  end
endmodule
