// The scalar unit: the command SCALAR, one element after the other. Its cycles do not depend on operands. Scale saturations, and those of TO_INT and TO_SCALE, are counted in T[1].
//
// An element reads what its operation needs (low and high words of A, B, C, then n), one table entry a cycle, computes, writes, and counts.
module bl_scalar (
    input  logic         clk_i,
    input  logic         rst_ni,
    input  logic         run_i,             // from the first cycle until the cycle of done_o
    output logic         done_o,
    input  logic [511:0] cmd_i,
    output logic [ 15:0] table_addr_o,
    input  logic [ 31:0] table_data_i,
    output logic         table_we_o,
    output logic [ 15:0] table_waddr_o,
    output logic [ 31:0] table_wdata_o,
    // The divider
    output logic         div_start_o,
    output logic [ 31:0] div_first_o,
    output logic [ 47:0] div_bits_o,
    output logic [ 31:0] div_divisor_o,
    output logic [  5:0] div_steps_o,
    input  logic         div_done_i,
    input  logic [ 47:0] div_quotient_i,
    input  logic         div_inexact_i,
    // Random words (bl_random): a key, then a word 14 cycles after draw_o
    output logic         key_start_o,
    output logic [ 31:0] key_address_o,
    input  logic         key_done_i,
    output logic         draw_o,
    output logic [ 31:0] draw_block_o,
    input  logic [ 63:0] word_i
);

  localparam logic [3:0] DrawCycles = 4'd14;

  // --- command --------------------------------------------------------------------------------------------------------
  logic [5:0] op;
  logic keep, vector_a, vector_b, vector_c;
  logic [15:0] dst, src_a, src_b, src_c, src_n, pitch;
  logic [15:0] qmax, immediate, cols;  // cols: elements
  assign cols = cmd_i[bl_pkg::F_COLS_LSB+:16];
  assign op = cmd_i[bl_pkg::F_SCALAR_OP_LSB+:6];
  assign keep = cmd_i[bl_pkg::F_SCALAR_KEEP_LSB];
  assign vector_a = cmd_i[bl_pkg::F_VECTOR_A_LSB];
  assign vector_b = cmd_i[bl_pkg::F_VECTOR_B_LSB];
  assign vector_c = cmd_i[bl_pkg::F_VECTOR_C_LSB];
  assign dst = cmd_i[bl_pkg::F_DST_LSB+:16];
  assign src_a = cmd_i[bl_pkg::F_SRC_A_LSB+:16];
  assign src_b = cmd_i[bl_pkg::F_SRC_B_LSB+:16];
  assign src_c = cmd_i[bl_pkg::F_SRC_C_LSB+:16];
  assign src_n = cmd_i[bl_pkg::F_SRC_N_LSB+:16];
  assign pitch = cmd_i[bl_pkg::F_TABLE_PITCH_LSB+:16];
  assign qmax = cmd_i[bl_pkg::F_QMAX_LSB+:16];
  assign immediate = cmd_i[bl_pkg::F_IMMEDIATE_LSB+:16];
  logic unused_cmd;
  assign unused_cmd = ^cmd_i;

  // --- what an operation needs --------------------------------------------------------------------------------------
  logic is_copy, is_sum, is_max_abs, is_select, is_random, is_wide;
  logic needs_pair, needs_b, needs_c, divides;
  assign is_copy = op == bl_pkg::SCALAR_COPY;
  assign is_sum = op == bl_pkg::SCALAR_RSUM;
  assign is_max_abs = op == bl_pkg::SCALAR_RMAXABS;
  assign is_select = op == bl_pkg::SCALAR_SELECT_TOP;
  assign is_random = op == bl_pkg::SCALAR_SELECT_RANDOM;
  assign is_wide = op == bl_pkg::SCALAR_CENTERED;
  assign needs_pair = is_wide || op == bl_pkg::SCALAR_FROM_SUM || op == bl_pkg::SCALAR_LEVEL;
  assign needs_c = is_wide || op == bl_pkg::SCALAR_MAX_TO_SCALE || op == bl_pkg::SCALAR_LEVEL;
  assign needs_b = needs_c || op == bl_pkg::SCALAR_MUL || op == bl_pkg::SCALAR_DIV || op == bl_pkg::SCALAR_RMUL ||
      op == bl_pkg::SCALAR_RDIV || op == bl_pkg::SCALAR_RADD || op == bl_pkg::SCALAR_RSUB || op == bl_pkg::SCALAR_RMAX ||
      op == bl_pkg::SCALAR_RMIN || op == bl_pkg::SCALAR_ISUB || op == bl_pkg::SCALAR_IMAX || op == bl_pkg::SCALAR_RKEEP;
  assign divides = op == bl_pkg::SCALAR_DIV || op == bl_pkg::SCALAR_RDIV || op == bl_pkg::SCALAR_MAX_TO_SCALE ||
      op == bl_pkg::SCALAR_RSQRT;

  // --- states ---------------------------------------------------------------------------------------------------------
  typedef enum logic [4:0] {
    Begin, Key, ReadA, ReadAHigh, ReadB, ReadBHigh, ReadC, ReadCHigh, ReadN, Copy, Multiply, Start, Divide, Ceiling,
    RootStart, Root, Rank, Draw, Wait, Finish, Count
  } state_e;
  state_e state_q, state_d, after_reads;
  logic [15:0] index_q, other_q;
  logic [3:0] wait_q;
  logic last_element, last_other, root_done;

  assign last_element = index_q + 16'd1 == cols;
  assign last_other = other_q + 16'd1 == cols;
  always_comb begin
    after_reads = Multiply;
    if (is_copy) after_reads = Copy;
    else if (is_select) after_reads = Rank;
    else if (is_random) after_reads = Draw;
    else if (divides && op != bl_pkg::SCALAR_MAX_TO_SCALE) after_reads = Start;
  end

  always_comb begin
    state_d = state_q;
    case (state_q)
      Begin: if (run_i && is_random) state_d = Key;
      else if (run_i) begin
        state_d = after_reads;
        if (needs_b) state_d = ReadB;
        if (needs_pair) state_d = ReadAHigh;
      end
      Key: if (key_done_i) state_d = ReadA;
      ReadA: begin
        state_d = after_reads;
        if (needs_b) state_d = ReadB;
        if (needs_pair) state_d = ReadAHigh;
      end
      ReadAHigh: state_d = needs_b ? ReadB : after_reads;
      ReadB: begin
        state_d = after_reads;
        if (needs_c) state_d = ReadC;
        if (is_wide) state_d = ReadBHigh;
      end
      ReadBHigh: state_d = ReadC;
      ReadC: state_d = is_wide ? ReadCHigh : after_reads;
      ReadCHigh: state_d = ReadN;
      ReadN: state_d = after_reads;
      Copy: state_d = last_element ? Begin : ReadA;
      Multiply: begin
        state_d = Finish;
        if (op == bl_pkg::SCALAR_MAX_TO_SCALE) state_d = Start;
        if ((is_sum || is_max_abs) && !last_element) state_d = ReadA;
      end
      Start: state_d = Divide;
      Divide: if (div_done_i) begin
        state_d = Finish;
        if (op == bl_pkg::SCALAR_MAX_TO_SCALE) state_d = Ceiling;
        if (op == bl_pkg::SCALAR_RSQRT) state_d = RootStart;
      end
      Ceiling: state_d = Finish;
      RootStart: state_d = Root;
      Root: if (root_done) state_d = Finish;
      Rank: if (last_other) state_d = Finish;
      Draw: state_d = Wait;
      Wait: if (wait_q == DrawCycles - 4'd1) state_d = Finish;
      Finish: state_d = Count;
      default: state_d = last_element ? Begin : ReadA;
    endcase
  end

  // --- table reads ----------------------------------------------------------------------------------------------------
  logic [15:0] at_a, at_b, at_c;
  assign at_a = src_a + (vector_a ? index_q : 16'd0);
  assign at_b = src_b + (vector_b ? index_q : 16'd0);
  assign at_c = src_c + (vector_c ? index_q : 16'd0);
  always_comb begin
    case (state_q)
      Begin, ReadA: table_addr_o = at_a;
      ReadAHigh: table_addr_o = at_a + pitch;
      ReadB: table_addr_o = at_b;
      ReadBHigh: table_addr_o = at_b + pitch;
      ReadC: table_addr_o = at_c;
      ReadCHigh: table_addr_o = at_c + pitch;
      ReadN: table_addr_o = src_n;
      Rank: table_addr_o = src_a + other_q;
      default: table_addr_o = 16'd1;
    endcase
  end

  // --- operands and intermediate values -----------------------------------------------------------------------------
  logic [31:0] a_q, a_high_q, b_q, b_high_q, c_q, c_high_q, n_q, running_q;
  logic [47:0] product_q;
  logic [48:0] quotient_q;
  logic [5:0] zeros, zeros_q;
  logic [15:0] rank_q;
  logic saturated_q;
  logic sign_q;
  logic [100:0] x_q;
  logic signed [10:0] k_q;

  // N11.5: 1/sqrt(a) takes an even shift.
  logic odd, a_ge_b;
  assign odd = a_q[16];
  assign a_ge_b = a_q[15:0] >= b_q[15:0];
  assign div_start_o = state_q == Start;
  bl_scalar_divide u_divide (
      .op_i(op),
      .a_i(a_q),
      .b_i(b_q),
      .a_ge_b_i(a_ge_b),
      .qmax_i(qmax),
      .product_i(product_q),
      .zeros_o(zeros),
      .first_o(div_first_o),
      .bits_o(div_bits_o),
      .divisor_o(div_divisor_o),
      .steps_o(div_steps_o)
  );

  logic [20:0] root;
  bl_root u_root (
      .clk_i,
      .rst_ni,
      .start_i(state_q == RootStart),
      .square_i(div_quotient_i[41:0]),
      .done_o(root_done),
      .root_o(root)
  );

  // --- reals: an exact value, then one rounding -----------------------------------------------------------------------
  logic [31:0] real_result;
  logic wide_sign;
  logic [100:0] wide_x;
  logic signed [10:0] wide_k, ka, kb;
  assign ka = 11'($signed(a_q[23:16]));
  assign kb = 11'($signed(b_q[23:16]));
  bl_scalar_exact u_exact (
      .op_i(op),
      .immediate_i(immediate),
      .a_i(a_q),
      .a_high_i(a_high_q),
      .b_i(b_q),
      .b_high_i(b_high_q),
      .c_i(c_q),
      .c_high_i(c_high_q),
      .n_i(n_q),
      .running_i(running_q),
      .sign_o(wide_sign),
      .x_o(wide_x),
      .k_o(wide_k)
  );

  // In Finish; a sum is rounded at each of its elements.
  logic round_sign;
  logic [100:0] round_x;
  logic signed [10:0] round_k;
  always_comb begin
    round_sign = sign_q;
    round_x = x_q;
    round_k = k_q;
    if (state_q == Multiply) begin
      round_sign = wide_sign;
      round_x = wide_x;
      round_k = wide_k;
    end else if (op == bl_pkg::SCALAR_RDIV) begin
      round_sign = a_q[31] ^ b_q[31];
      round_x = (a_q[15:0] == 16'd0 || b_q[15:0] == 16'd0) ? 101'd0 : {84'd0, div_quotient_i[16:0]};
      round_k = ka - kb + (a_ge_b ? 11'sd15 : 11'sd16);
    end else if (op == bl_pkg::SCALAR_RSQRT) begin
      round_sign = 1'b0;
      round_x = (a_q[31] || a_q[15:0] == 16'd0) ? 101'd0 : {80'd0, root};
      round_k = 11'sd28 - ((ka + (odd ? 11'sd1 : 11'sd0)) >>> 1);
    end
  end
  bl_real_round u_round (
      .sign_i(round_sign),
      .x_i(round_x),
      .k_i(round_k),
      .real_o(real_result)
  );

  logic [31:0] int_result;
  logic int_saturated;
  bl_scalar_int u_int (
      .op_i(op),
      .keep_i(keep),
      .immediate_i(immediate),
      .a_i(a_q),
      .a_high_i(a_high_q),
      .b_i(b_q),
      .c_i(c_q),
      .result_o(int_result),
      .saturated_o(int_saturated)
  );

  // --- scales (N2) ----------------------------------------------------------------------------------------------------
  logic [31:0] scale_result;
  logic scale_saturated;
  bl_scalar_scale u_scale (
      .op_i(op),
      .keep_i(keep),
      .a_i(a_q),
      .b_i(b_q),
      .c_i(c_q),
      .a_ge_b_i(a_ge_b),
      .product_i(product_q[32:0]),
      .divided_i(div_quotient_i[16:0]),
      .quotient_i(quotient_q),
      .zeros_i(zeros_q),
      .result_o(scale_result),
      .saturated_o(scale_saturated)
  );

  // --- result ---------------------------------------------------------------------------------------------------------
  logic [31:0] result;
  logic [15:0] word;
  logic saturated;
  assign word = word_i[{index_q[1:0], 4'd0}+:16];
  always_comb begin
    result = real_result;
    saturated = 1'b0;
    case (op)
      bl_pkg::SCALAR_MUL, bl_pkg::SCALAR_DIV, bl_pkg::SCALAR_MAX_TO_SCALE: begin
        result = scale_result;
        saturated = scale_saturated;
      end
      bl_pkg::SCALAR_RMUL, bl_pkg::SCALAR_RDIV, bl_pkg::SCALAR_RADD, bl_pkg::SCALAR_RSUB, bl_pkg::SCALAR_RSQRT,
      bl_pkg::SCALAR_FROM_INT, bl_pkg::SCALAR_FROM_SUM, bl_pkg::SCALAR_CENTERED: begin
      end
      bl_pkg::SCALAR_RSUM, bl_pkg::SCALAR_RMAXABS: begin
        result = running_q;
      end
      bl_pkg::SCALAR_SELECT_TOP: begin
        result = (rank_q < immediate) ? bl_pkg::SCALE_ONE : 32'd0;
      end
      bl_pkg::SCALAR_SELECT_RANDOM: begin
        result = ({16'd0, word} < a_q) ? bl_pkg::SCALE_ONE : 32'd0;
      end
      default: begin
        result = int_result;
        saturated = int_saturated;
      end
    endcase
  end

  // --- registers --------------------------------------------------------------------------------------------------------
  // RMAXABS: the larger magnitude so far.
  logic [31:0] larger;
  always_comb begin
    larger = running_q;
    if (running_q[15:0] == 16'd0 || $signed(a_q[23:16]) < $signed(running_q[23:16]) ||
        (a_q[23:16] == running_q[23:16] && a_q[15:0] > running_q[15:0])) larger = {1'b0, a_q[30:0]};
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q <= Begin;
      index_q <= '0;
      other_q <= '0;
      rank_q <= '0;
      wait_q <= '0;
      saturated_q <= 1'b0;
      running_q <= '0;
    end else begin
      state_q <= state_d;
      if (state_q == Count || state_q == Copy) index_q <= last_element ? 16'd0 : index_q + 16'd1;
      if (state_q == Multiply && state_d == ReadA) index_q <= index_q + 16'd1;
      other_q <= (state_q == Rank && !last_other) ? other_q + 16'd1 : 16'd0;
      wait_q <= (state_q == Wait) ? wait_q + 4'd1 : 4'd0;
      // Scores before this one win a tie.
      if (state_q != Rank && state_q != Finish) rank_q <= '0;
      else if (state_q == Rank && (table_data_i > a_q || (table_data_i == a_q && other_q < index_q))) rank_q <= rank_q + 16'd1;
      if (state_q == Begin) running_q <= '0;
      else if (state_q == Multiply && is_sum) running_q <= real_result;
      else if (state_q == Multiply && is_max_abs && a_q[15:0] != 16'd0) running_q <= larger;
      if (state_q == Finish) saturated_q <= saturated;
    end
  end

  always_ff @(posedge clk_i) begin
    case (state_q)
      Begin, ReadA: a_q <= table_data_i;
      ReadAHigh: a_high_q <= table_data_i;
      ReadB: b_q <= table_data_i;
      ReadBHigh: b_high_q <= table_data_i;
      ReadC: c_q <= table_data_i;
      ReadCHigh: c_high_q <= table_data_i;
      ReadN: n_q <= table_data_i;
      Multiply: begin
        product_q <= (op == bl_pkg::SCALAR_MAX_TO_SCALE) ? {16'd0, a_q} * {32'd0, b_q[15:0]} :
            {16'd0, {16'd0, a_q[15:0]} * {16'd0, b_q[15:0]}};
        sign_q <= wide_sign;
        x_q <= wide_x;
        k_q <= wide_k;
      end
      Start: zeros_q <= zeros;
      Ceiling: quotient_q <= {1'b0, div_quotient_i} + {48'd0, div_inexact_i};
      default: begin
      end
    endcase
  end

  // --- outputs ------------------------------------------------------------------------------------------------------------
  logic single;  // the operations that make one result of the whole vector
  assign single = is_sum || is_max_abs;
  assign key_start_o = state_q == Begin && run_i && is_random;
  assign key_address_o = {src_c, immediate[7:0], 8'd0};
  assign draw_o = state_q == Draw;
  assign draw_block_o = {18'd0, index_q[15:2]};
  assign done_o = (state_q == Copy || state_q == Count) && last_element;
  assign table_we_o = state_q == Copy || state_q == Finish || state_q == Count;
  always_comb begin
    table_waddr_o = dst + (single ? 16'd0 : index_q);
    table_wdata_o = result;
    if (state_q == Copy) table_wdata_o = a_q;
    if (state_q == Count) begin
      table_waddr_o = 16'd1;
      table_wdata_o = table_data_i + {31'd0, saturated_q};
    end
  end

  logic unused_bits;
  assign unused_bits = ^{div_quotient_i, b_q};

endmodule
