// Statistics of the vector commands: three running values a command, kept over its executions and written to
// T[STAT], T[STAT+1], (T[STAT+2]) after its last. A command of a loop group finds its values by the lowest two bits of its
// index, so that the statistics of the commands of one group do not mix.
module bl_stats (
    input  logic        clk_i,
    input  logic        rst_ni,
    input  logic [ 1:0] slot_i,
    input  logic        clear_i,
    input  logic [ 2:0] we_i,
    input  logic [95:0] wdata_i,
    output logic [95:0] now_o,     // {value 2, value 1, value 0}
    input  logic        save_i,    // writes the values from the next cycle on
    input  logic        three_i,   // three values, else two
    input  logic [11:0] stat_i,
    output logic        saving_o,
    output logic        saved_o,   // in the last cycle of saving
    output logic [11:0] addr_o,
    output logic [31:0] data_o
);

  logic [95:0] value_q[4];
  logic saving_q;
  logic [1:0] count_q;

  assign now_o = value_q[slot_i];

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      for (int i = 0; i < 4; i++) value_q[i] <= 96'd0;
    end else if (clear_i) begin
      value_q[slot_i] <= 96'd0;
    end else begin
      for (int k = 0; k < 3; k++) begin
        if (we_i[k]) value_q[slot_i][k*32+:32] <= wdata_i[k*32+:32];
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      saving_q <= 1'b0;
      count_q <= 2'd0;
    end else if (!saving_q) begin
      saving_q <= save_i;
      count_q <= 2'd0;
    end else begin
      saving_q <= !saved_o;
      count_q <= count_q + 2'd1;
    end
  end

  assign saving_o = saving_q;
  assign saved_o = saving_q && count_q == (three_i ? 2'd2 : 2'd1);
  assign addr_o = stat_i + {10'd0, count_q};
  assign data_o = now_o[count_q*32+:32];

endmodule
