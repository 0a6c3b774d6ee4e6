// Softmax cross-entropy and its gradient: the command LOSS (docs/commands.md, N7). One element a cycle passes, three times a
// row: the largest logit; the sum of the exponentials; the gradient. The divider makes the reciprocal of the sum in between.
//   stage 0  address of the element's word
//   stage 1  the logit: largest logit, or its exponent t
//   stage 2  the exponential
//   stage 3  sum of exponentials, or gradient of the element
//   stage 4  a word of the gradient written
module bl_loss #(
    parameter int V = bl_pkg::LANES,
    parameter int VinW = bl_pkg::VIN_WORDS > 1 ? $clog2(bl_pkg::VIN_WORDS) : 1,
    parameter int RawW = bl_pkg::VOUT_WORDS > 1 ? $clog2(bl_pkg::VOUT_WORDS) : 1
) (
    input  logic            clk_i,
    input  logic            rst_ni,
    input  logic            run_i,          // from the first cycle until the cycle of done_o
    output logic            done_o,
    input  logic [   511:0] cmd_i,
    input  logic [    15:0] rows_i,
    input  logic [    15:0] cols_i,
    input  logic            parity_i,
    output logic [    15:0] table_addr_o,
    input  logic [    31:0] table_data_i,
    input  logic [    95:0] stat_i,
    output logic            stat_we_o,
    output logic [    95:0] stat_o,
    output logic            div_start_o,
    output logic [    31:0] div_first_o,
    output logic [    47:0] div_bits_o,
    output logic [    31:0] div_divisor_o,
    output logic [     5:0] div_steps_o,
    input  logic            div_done_i,
    input  logic [    47:0] div_quotient_i,
    output logic [VinW-1:0] vin_addr_o,
    input  logic [ V*32-1:0] vin_data_i,
    output logic            raw_we_o,
    output logic [RawW-1:0] raw_addr_o,
    output logic [ V*32-1:0] raw_data_o
);

  localparam int LogV = $clog2(V);

  // ---- The command
  logic [15:0] cols, groups, stride, vin_base, raw_base;
  assign cols = cmd_i[bl_pkg::F_COLS_LSB+:16];
  assign groups = 16'(({1'b0, cols} + 17'(V - 1)) >> LogV);
  assign stride = cmd_i[bl_pkg::F_VIN_STRIDE_LSB+:16];
  assign raw_base = parity_i ? stride : 16'd0;
  assign vin_base = cmd_i[bl_pkg::F_VIN_BASE_LSB+:16] + raw_base;
  assign table_addr_o = cmd_i[bl_pkg::F_RATIO_LSB+:16];

  // ---- Order of an execution
  typedef enum logic [2:0] {Idle, Label, Largest, Sum, Start, Divide, Gradient} state_e;
  state_e state_q, state_d;
  logic [15:0] count_q, count_d, row_q, row_words_q;
  logic [21:0] c_q;
  logic element, row_ends;  // element: stage 0 has an element
  assign element = (state_q == Largest || state_q == Sum || state_q == Gradient) && count_q < cols_i;

  always_comb begin
    state_d = state_q;
    count_d = count_q + 16'd1;
    row_ends = 1'b0;
    case (state_q)
      Idle: if (run_i) state_d = Label;
      Label: begin
        count_d = 16'd0;
        state_d = Largest;
      end
      Largest: if (count_q == cols_i) state_d = Sum;
      Sum: if (count_q == cols_i + 16'd2) state_d = Start;
      Start: state_d = Divide;
      Divide: if (div_done_i) state_d = Gradient;
      Gradient: begin
        if (count_q == cols_i + 16'd3) begin
          row_ends = 1'b1;
          state_d = (row_q + 16'd1 >= rows_i) ? Idle : Label;
        end
      end
      default: state_d = Idle;
    endcase
    if (state_d != state_q) count_d = 16'd0;
  end
  assign done_o = row_ends && state_d == Idle;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q <= Idle;
      count_q <= 16'd0;
      row_q <= 16'd0;
      row_words_q <= 16'd0;
      c_q <= 22'd0;
    end else begin
      state_q <= state_d;
      count_q <= count_d;
      if (state_q == Idle) begin
        row_q <= 16'd0;
        row_words_q <= 16'd0;
        if (run_i) c_q <= table_data_i[21:0];
      end else if (row_ends) begin
        row_q <= row_q + 16'd1;
        row_words_q <= row_words_q + groups;
      end
    end
  end

  // ---- Stage 0
  logic [15:0] vin_word;
  always_comb begin
    if (state_q == Label) vin_word = vin_base + (stride << 1) + (row_q >> LogV);
    else vin_word = vin_base + row_words_q + (count_q >> LogV);
  end
  assign vin_addr_o = vin_word[VinW-1:0];

  logic [3:1] valid_q;
  logic [15:0] index1_q, index2_q, index3_q;
  logic label_next_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      valid_q <= 3'd0;
      {index1_q, index2_q, index3_q} <= 48'd0;
      label_next_q <= 1'b0;
    end else begin
      valid_q <= {valid_q[2], valid_q[1] && state_q != Largest, element};
      {index3_q, index2_q, index1_q} <= {index2_q, index1_q, count_q};
      label_next_q <= state_q == Label;
    end
  end

  // ---- Stage 1
  logic signed [31:0] logit, max_q;
  logic [31:0] label_q;
  logic [15:0] argmax_q;
  logic is_label1;
  logic [33:0] distance;
  logic [46:0] exponent;
  logic [20:0] t, t_q, t_label_q;
  assign logit = $signed(vin_data_i[index1_q[LogV-1:0]*32+:32]);
  assign is_label1 = {16'd0, index1_q} == label_q;
  assign distance = {{2{max_q[31]}}, max_q} - {{2{logit[31]}}, logit};
  bl_fixed16 u_exponent (
      .x_i(distance),
      .m_i(c_q[15:0]),
      .s_i(c_q[21:16]),
      .y_o(exponent)
  );
  assign t = (exponent > {26'd0, bl_pkg::EXP2_MAX_INPUT}) ? bl_pkg::EXP2_MAX_INPUT : exponent[20:0];

  // ---- Stages 2 and 3
  logic [16:0] e, e_q;
  logic [31:0] sum_q;
  logic [21:0] log, log_q;
  logic [48:0] scaled;
  logic [31:0] gradient;
  bl_exp2neg u_exp (.t_i(t_q), .e_o(e));
  bl_log2fix u_log (.s_i(sum_q), .y_o(log));
  assign scaled = {32'd0, e_q} * {17'd0, div_quotient_i[31:0]} + 49'h4000_0000;
  assign gradient = {14'd0, scaled[48:31]} - (({16'd0, index3_q} == label_q) ? 32'd65536 : 32'd0);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      label_q <= 32'd0;
      max_q <= 32'sd0;
      argmax_q <= 16'd0;
      t_q <= 21'd0;
      t_label_q <= 21'd0;
      e_q <= 17'd0;
      sum_q <= 32'd0;
      log_q <= 22'd0;
    end else begin
      if (label_next_q) label_q <= vin_data_i[row_q[LogV-1:0]*32+:32];
      if (valid_q[1] && state_q == Largest && (index1_q == 16'd0 || logit > max_q)) begin
        max_q <= logit;
        argmax_q <= index1_q;
      end
      if (valid_q[1] && state_q != Largest) begin
        t_q <= t;
        if (is_label1) t_label_q <= t;
      end
      if (valid_q[2]) e_q <= e;
      if (state_q == Largest) sum_q <= 32'd0;
      else if (valid_q[3] && state_q == Sum) sum_q <= sum_q + {15'd0, e_q};
      if (state_q == Start) log_q <= log;
    end
  end

  // ---- The reciprocal of the sum (N8.3): its first 16 quotient bits are 0.
  assign div_start_o = state_q == Start;
  assign div_first_o = 32'd32768;
  assign div_bits_o = {1'b0, sum_q[31:1], 16'd0};
  assign div_divisor_o = sum_q;
  assign div_steps_o = 6'd32;

  // ---- Stage 4: elements gather in a word, which is written when it is full or the row's last.
  logic [V*32-1:0] word_q;
  logic [15:0] raw_word_q;
  logic write_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      word_q <= '0;
      raw_word_q <= 16'd0;
      write_q <= 1'b0;
    end else begin
      write_q <= 1'b0;
      if (write_q) word_q <= '0;
      if (valid_q[3] && state_q == Gradient) begin
        word_q[index3_q[LogV-1:0]*32+:32] <= gradient;
        raw_word_q <= raw_base + row_words_q + (index3_q >> LogV);
        write_q <= index3_q[LogV-1:0] == '1 || index3_q + 16'd1 == cols_i;
      end
    end
  end
  assign raw_we_o = write_q;
  assign raw_addr_o = raw_word_q[RawW-1:0];
  assign raw_data_o = word_q;

  // ---- Loss and hits (N7.4). log2 of a sum of at least 1.0 is at least 16.
  logic [32:0] total;
  logic [31:0] sample;
  assign sample = {10'd0, log_q} - 32'd1048576 + {11'd0, t_label_q};
  assign total = {1'b0, stat_i[31:0]} + {1'b0, sample};
  assign stat_we_o = row_ends;
  assign stat_o[31:0] = total[32] ? 32'hffff_ffff : total[31:0];
  assign stat_o[63:32] = stat_i[63:32] + {31'd0, {16'd0, argmax_q} == label_q};
  assign stat_o[95:64] = stat_i[95:64];

  logic unused_bits;
  assign unused_bits = ^{cmd_i, table_data_i, vin_word, raw_word_q, scaled, div_quotient_i};

endmodule
