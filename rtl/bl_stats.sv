// Statistics of the vector commands: up to five running values a command, kept over its executions and written to
// T[STAT], T[STAT+1], ... after its last. A command of a loop group finds its values by the lowest two bits of its
// index, so that the statistics of the commands of one group do not mix. A fifth slot is for commands that go on
// with the statistics of one before them.
module bl_stats (
    input  logic         clk_i,
    input  logic         rst_ni,
    input  logic [  2:0] slot_i,
    input  logic         clear_i,
    input  logic         we_i,
    input  logic [159:0] wdata_i,
    output logic [159:0] now_o,     // {value 4, ..., value 0}
    input  logic         save_i,    // writes the values from the next cycle on
    input  logic [  2:0] count_i,   // how many
    input  logic [ 15:0] stat_i,
    output logic         saving_o,
    output logic         saved_o,   // in the last cycle of saving
    output logic [ 15:0] addr_o,
    output logic [ 31:0] data_o
);

  logic [159:0] value_q[5];
  logic saving_q;
  logic [2:0] count_q;

  assign now_o = value_q[slot_i];

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      for (int i = 0; i < 5; i++) value_q[i] <= 160'd0;
    end else if (clear_i) value_q[slot_i] <= 160'd0;
    else if (we_i) value_q[slot_i] <= wdata_i;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      saving_q <= 1'b0;
      count_q <= 3'd0;
    end else if (!saving_q) begin
      saving_q <= save_i;
      count_q <= 3'd0;
    end else begin
      saving_q <= !saved_o;
      count_q <= count_q + 3'd1;
    end
  end

  assign saving_o = saving_q;
  assign saved_o = saving_q && count_q + 3'd1 == count_i;
  assign addr_o = stat_i + {13'd0, count_q};
  assign data_o = now_o[count_q*32+:32];

endmodule
