// The sequencer of one queue: takes a loop group from the queue into registers, walks its iterations, waits for tokens,
// hands executions to the engine one at a time and sends their tokens. Addresses, row0 and col0 are running sums.
//
// With Ahead, a LOAD with elements may ask for its data before its buffer is free: it starts with the tokens of the store
// queue and opens with those of the others. When it has asked for all and is open, it is still under way, and the
// sequencer goes on. It ends when the engine says so, and then its tokens are sent. All else starts when no LOAD is under
// way. The same holds for STOREs, which go on when they have read VOUT. They start with all their tokens, and send those
// to the vector queue when they go on.
//
// One step (a command at an iteration) that does not execute costs one cycle. One that executes costs one cycle of
// checking, in which its waits are found satisfied, and then the engine's cycles. See docs/timing.md.
module bl_seq #(
    parameter bit Vector = 1'b0,  // its commands have no address: word 7 is ROW_STEP0, and i0 * ROW_STEP0 counts in row0
    parameter int Ahead = 0,      // LOADs that may be under way; 0: executions follow each other
    parameter bit Stores = 1'b0   // it is STOREs that may
) (
    input  logic         clk_i,
    input  logic         rst_ni,
    input  logic         flush_i,
    input  logic         stop_i,         // start nothing more
    input  logic [ 63:0] base_i,
    input  logic [ 63:0] batch_i,
    // head of the queue
    input  logic         head_valid_i,
    input  logic [511:0] head_cmd_i,
    output logic         head_pop_o,
    // tokens, see bl_tokens
    output logic [ 15:0] need_o,
    input  logic         ready_i,
    input  logic         early_i,
    output logic         take_o,
    output logic         take_early_o,
    output logic [ 15:0] send_o,
    // engine
    output logic         exec_valid_o,
    output logic [511:0] exec_cmd_o,
    output logic [ 63:0] exec_addr_o,
    output logic [ 15:0] exec_rows_o,
    output logic [ 15:0] exec_cols_o,
    output logic [ 31:0] exec_row0_o,
    output logic [ 31:0] exec_col0_o,
    output logic [ 15:0] exec_i0_o,
    output logic [ 31:0] exec_i1_o,
    output logic [ 15:0] exec_i2_o,
    output logic [  3:0] exec_par_o,
    output logic         exec_first_o,
    output logic         exec_last_o,
    output logic         exec_closed_o,  // Ahead: the LOAD may ask and not fill
    input  logic         exec_done_i,    // it is over, or a LOAD that has asked, or a STORE that has read
    input  logic         exec_end_i,     // Ahead: the oldest LOAD or STORE under way is over
    // state
    output logic         idle_o,         // between groups
    output logic         looping_o,      // within a group's loops, or an execution is under way
    output logic         running_o,      // an execution is under way
    output logic         busy_o,         // one that has its tokens is
    output logic         checking_o,     // a step that executes waits for its tokens
    output logic         start_o,        // last cycle before an execution's cycles: it has all its tokens
    output logic         done_o,         // last cycle of an execution
    output logic [ 23:0] index_o         // INDEX of the current command
);

  localparam logic [1:0] TakeGroup = 2'd0, Check = 2'd1, Run = 2'd2;

  logic [1:0] state_q;
  logic [1:0] body_q, size_q;  // current command of the group; number of the last one
  logic [511:0] cmd_q [4];
  logic [63:0] addr0_q [4], addr1_q [4], addr2_q [4];
  logic [31:0] row0_q [4], col0_q [4], i1_q, n1_q;
  logic [15:0] i0_q, i2_q, n0_q, n2_q;
  logic [2:0] par_q;

  logic [511:0] cmd;
  logic [15:0] rows, cols;
  logic [1:0] exec_level, rows_dim, cols_dim;
  logic last0, last1, last2, first0, first1, first2;
  logic [3:0] at_first, at_last;  // by level
  logic active, nop, overlaps, begins, closed_q, opens, asked_q, over, step, group_done;

  assign cmd = cmd_q[body_q];
  assign rows = cmd[bl_pkg::F_ROWS_LSB+:16];
  assign cols = cmd[bl_pkg::F_COLS_LSB+:16];
  assign exec_level = cmd[bl_pkg::F_EXEC_LEVEL_LSB+:2];
  assign rows_dim = cmd[bl_pkg::F_ROWS_DIM_LSB+:2];
  assign cols_dim = cmd[bl_pkg::F_COLS_DIM_LSB+:2];

  // A count of 0 works as 1.
  assign last0 = ({1'b0, i0_q} + 17'd1 >= {1'b0, n0_q});
  assign last1 = ({1'b0, i1_q} + 33'd1 >= {1'b0, n1_q});
  assign last2 = ({1'b0, i2_q} + 17'd1 >= {1'b0, n2_q});
  assign first0 = (i0_q == 16'd0);
  assign first1 = (i1_q == 32'd0);
  assign first2 = (i2_q == 16'd0);
  assign at_first = {first2 && first1 && first0, first2 && first1, first2, 1'b1};
  assign at_last = {last2 && last1 && last0, last2 && last1, last2, 1'b1};

  assign active = at_first[exec_level];
  assign nop = (cmd[bl_pkg::F_OPCODE_LSB+:6] == 6'd0);
  assign overlaps = (Ahead != 0) && (cmd[bl_pkg::F_OPCODE_LSB+:8] == (Stores ? bl_pkg::OP_STORE : bl_pkg::OP_LOAD)) &&
      (exec_rows_o != 16'd0) && (exec_cols_o != 16'd0);

  // --- tokens ---------------------------------------------------------------------------------------------------------
  // A token field is id[4:0] | level[6:5] | valid[7] and an id is from[4:3] | to[2:1] | channel[0]. The queue itself is the
  // `to` of its waits and the `from` of its signals.
  logic [23:0] waits, signals;
  logic [15:0] sends;  // of the current execution
  assign waits = cmd[bl_pkg::F_WAIT0_LSB+:24];
  assign signals = cmd[bl_pkg::F_SIGNAL0_LSB+:24];
  always_comb begin
    need_o = '0;
    if ((state_q == Check && active) || closed_q) begin
      for (int k = 0; k < 3; k++) begin
        // A closed LOAD has those of the load and the store queue.
        if (waits[k*8+7] && at_first[waits[k*8+5+:2]] && !(closed_q && waits[k*8+3] == waits[k*8+4])) begin
          need_o[{waits[k*8+3+:2], waits[k*8], 1'b0}+:2] = need_o[{waits[k*8+3+:2], waits[k*8], 1'b0}+:2] + 2'd1;
        end
      end
    end
  end
  always_comb begin
    sends = '0;
    for (int k = 0; k < 3; k++) begin
      if (signals[k*8+7] && at_last[signals[k*8+5+:2]]) begin
        sends[{signals[k*8+:3], 1'b0}+:2] = sends[{signals[k*8+:3], 1'b0}+:2] + 2'd1;
      end
    end
  end
  logic unused_ids;
  assign unused_ids = ^{waits, signals};

  // --- LOADs or STOREs under way ----------------------------------------------------------------------------------------
  logic room;     // for one more, or for an execution that is alone
  logic waiting;  // some are under way
  if (Ahead == 0) begin : g_alone
    logic unused_end;
    assign unused_end = exec_end_i;
    assign room = 1'b1;
    assign waiting = 1'b0;
    assign busy_o = (state_q == Run);
    assign send_o = done_o ? sends : 16'd0;
  end else begin : g_ahead
    localparam int PlaceW = $clog2(Ahead);
    logic [15:0] sends_q [Ahead];  // what each will send
    logic [PlaceW-1:0] in_q, out_q;
    logic [PlaceW:0] count_q;
    assign waiting = (count_q != '0);
    assign busy_o = closed_q ? (count_q != (PlaceW+1)'(1)) : running_o;
    assign room = overlaps ? (count_q != (PlaceW+1)'(Ahead)) : !waiting;
    // Of an id's two bits a number: a STORE's to the vector queue go when it goes on. Else nothing ends in this cycle.
    localparam logic [15:0] Sooner = Stores ? 16'h0f00 : 16'h0000;
    assign send_o = (exec_end_i ? sends_q[out_q] & ~Sooner : 16'd0) |
        (over ? (overlaps ? sends & Sooner : sends) : 16'd0);
    always_ff @(posedge clk_i) begin
      if (!rst_ni || flush_i) begin
        in_q <= '0;
        out_q <= '0;
        count_q <= '0;
      end else begin
        in_q <= in_q + PlaceW'(begins && overlaps);
        out_q <= out_q + PlaceW'(exec_end_i);
        count_q <= count_q + (PlaceW+1)'(begins && overlaps) - (PlaceW+1)'(exec_end_i);
      end
    end
    always_ff @(posedge clk_i) begin
      if (begins) sends_q[in_q] <= sends;
    end
  end

  // --- engine ---------------------------------------------------------------------------------------------------------
  // After an error a closed LOAD opens without its tokens, so that it comes to its end.
  assign checking_o = ((state_q == Check) && active) || closed_q;
  assign begins = (state_q == Check) && active && (ready_i || (overlaps && !Stores && early_i)) && room && !stop_i;
  assign opens = closed_q && (ready_i || stop_i);
  assign start_o = (begins && ready_i) || opens;
  assign take_o = (begins || closed_q) && ready_i;
  assign take_early_o = begins && !ready_i;
  always_ff @(posedge clk_i) begin
    if (!rst_ni || flush_i) begin
      closed_q <= 1'b0;
      asked_q <= 1'b0;
    end else begin
      closed_q <= (begins && !ready_i) || (closed_q && !opens);
      asked_q <= (asked_q || exec_done_i) && closed_q && !opens;
    end
  end
  assign looping_o = (state_q != TakeGroup) || waiting;
  assign running_o = (state_q == Run) || waiting;
  assign over = (state_q == Run) && (nop || exec_done_i || asked_q) && (!closed_q || opens);
  assign done_o = (over && !overlaps) || ((Ahead != 0) && exec_end_i);
  assign step = over || ((state_q == Check) && !active && !stop_i);
  assign group_done = step && at_last[3] && (body_q == size_q);

  assign exec_valid_o = (state_q == Run) && !nop && !asked_q;
  assign exec_closed_o = closed_q;
  assign exec_cmd_o = cmd;
  assign exec_addr_o = addr2_q[body_q];
  assign exec_row0_o = row0_q[body_q] + (Vector ? addr0_q[body_q][31:0] : 32'd0);
  assign exec_col0_o = col0_q[body_q];
  assign exec_i0_o = i0_q;
  assign exec_i1_o = i1_q;
  assign exec_i2_o = i2_q;
  assign exec_par_o = {1'b0, par_q};
  assign exec_first_o = at_first[3];
  // The indices inside EXEC_LEVEL do not count: they are 0 at each of its executions.
  assign exec_last_o = (last0 || exec_level == 2'd3) && (last1 || exec_level >= 2'd2) && (last2 || exec_level != 2'd0);

  logic [3:0] last_of;  // by dimension; 3 = none
  assign last_of = {1'b0, last2, last1, last0};
  assign exec_rows_o = last_of[rows_dim] ? cmd[bl_pkg::F_ROWS_LAST_LSB+:16] : rows;
  assign exec_cols_o = last_of[cols_dim] ? cmd[bl_pkg::F_COLS_LAST_LSB+:16] : cols;

  assign index_o = cmd[bl_pkg::F_INDEX_LSB+:24];
  assign idle_o = (state_q == TakeGroup) && (body_q == 2'd0) && !waiting;
  assign head_pop_o = (state_q == TakeGroup) && head_valid_i && !stop_i;

  // --- taking a group, and its loops ------------------------------------------------------------------------------------
  logic [63:0] start_addr, stride0, stride1, stride2;
  assign start_addr = Vector ? 64'd0 : (head_cmd_i[bl_pkg::F_BATCH_BASE_LSB] ? batch_i : base_i) +
      {head_cmd_i[bl_pkg::F_ADDR_HIGH_LSB+:32], head_cmd_i[bl_pkg::F_ADDR_LSB+:32]};
  assign stride0 = Vector ? {32'd0, cmd[bl_pkg::F_ROW_STEP0_LSB+:32]} :
      {{32{cmd[bl_pkg::F_STRIDE0_LSB+31]}}, cmd[bl_pkg::F_STRIDE0_LSB+:32]};
  assign stride1 = {{32{cmd[bl_pkg::F_STRIDE1_LSB+31]}}, cmd[bl_pkg::F_STRIDE1_LSB+:32]};
  assign stride2 = {{32{cmd[bl_pkg::F_STRIDE2_LSB+31]}}, cmd[bl_pkg::F_STRIDE2_LSB+:32]};

  logic [63:0] next_addr0, next_addr1, next_addr2;
  logic [31:0] next_row0, next_col0;
  always_comb begin
    next_addr0 = addr0_q[body_q];
    next_addr1 = addr1_q[body_q];
    next_addr2 = addr2_q[body_q];
    if (!last2) begin
      next_addr2 = addr2_q[body_q] + stride2;
    end else if (!last1) begin
      next_addr1 = addr1_q[body_q] + stride1;
      next_addr2 = next_addr1;
    end else begin
      next_addr0 = addr0_q[body_q] + stride0;
      next_addr1 = next_addr0;
      next_addr2 = next_addr0;
    end
    next_row0 = row0_q[body_q];
    next_col0 = col0_q[body_q];
    // at_last[2 - dim]: the indices inside the dimension are at their end, so that its index moves.
    if (rows_dim != 2'd3 && at_last[2'd2-rows_dim]) begin
      next_row0 = last_of[rows_dim] ? 32'd0 : row0_q[body_q] + {16'd0, rows};
    end
    if (cols_dim != 2'd3 && at_last[2'd2-cols_dim]) begin
      next_col0 = last_of[cols_dim] ? {16'd0, cmd[bl_pkg::F_COL_BASE_LSB+:16]} : col0_q[body_q] + {16'd0, cols};
    end
  end

  always_ff @(posedge clk_i) begin
    if (head_pop_o) begin
      cmd_q[body_q] <= head_cmd_i;
      addr0_q[body_q] <= start_addr;
      addr1_q[body_q] <= start_addr;
      addr2_q[body_q] <= start_addr;
      row0_q[body_q] <= '0;
      col0_q[body_q] <= {16'd0, head_cmd_i[bl_pkg::F_COL_BASE_LSB+:16]};
    end else if (step) begin
      addr0_q[body_q] <= next_addr0;
      addr1_q[body_q] <= next_addr1;
      addr2_q[body_q] <= next_addr2;
      row0_q[body_q] <= next_row0;
      col0_q[body_q] <= next_col0;
    end
  end

  logic [1:0] size;
  assign size = (body_q == 2'd0) ? head_cmd_i[bl_pkg::F_GROUP_LSB+:2] : size_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni || flush_i) begin
      state_q <= TakeGroup;
      body_q  <= '0;
      size_q  <= '0;
    end else if (head_pop_o) begin
      size_q <= size;
      body_q <= (body_q == size) ? 2'd0 : body_q + 2'd1;
      if (body_q == size) state_q <= Check;
    end else if (begins) begin
      state_q <= Run;
    end else if (step) begin
      body_q  <= (body_q == size_q) ? 2'd0 : body_q + 2'd1;
      state_q <= group_done ? TakeGroup : Check;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      n0_q <= '0;
      n1_q <= '0;
      n2_q <= '0;
      i0_q <= '0;
      i1_q <= '0;
      i2_q <= '0;
      par_q <= '0;
    end else if (head_pop_o && body_q == 2'd0) begin
      n0_q <= head_cmd_i[bl_pkg::F_N0_LSB+:16];
      n1_q <= head_cmd_i[bl_pkg::F_N1_LSB+:32];
      n2_q <= head_cmd_i[bl_pkg::F_N2_LSB+:16];
      i0_q <= '0;
      i1_q <= '0;
      i2_q <= '0;
      par_q <= '0;
    end else if (step && body_q == size_q) begin
      i2_q <= last2 ? 16'd0 : i2_q + 16'd1;
      par_q[0] <= !par_q[0];
      if (last2) begin
        i1_q <= last1 ? 32'd0 : i1_q + 32'd1;
        par_q[1] <= !par_q[1];
        if (last1) begin
          i0_q <= i0_q + 16'd1;
          par_q[2] <= !par_q[2];
        end
      end
    end
  end

endmodule
