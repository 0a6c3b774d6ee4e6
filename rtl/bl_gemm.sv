// Runs one segment of a GEMM: COLS bytes of the reduction through the array, one a cycle. Its R rows of sums then go one by one
// onto the accumulator memory, while the next segment is multiplied already; a segment ends only when the rows of the one
// before it are read.
module bl_gemm (
    input  logic                                       clk_i,
    input  logic                                       rst_ni,
    input  logic                                       flush_i,
    // sequencer
    input  logic                                       exec_valid_i,
    input  logic [                              511:0] exec_cmd_i,
    input  logic [                               15:0] exec_cols_i,
    input  logic [                               15:0] exec_i0_i,
    input  logic [                               31:0] exec_i1_i,
    input  logic [                               15:0] exec_i2_i,
    input  logic [                                3:0] exec_par_i,
    output logic                                       exec_done_o,
    // scratchpads
    output logic                                       spad_re_o,
    output logic                                       a_buffer_o,
    output logic [                               15:0] a_word_o,
    input  logic [bl_pkg::ROWS*bl_pkg::AXI_BYTES*8-1:0] a_data_i,
    input  logic [ bl_pkg::ROWS*bl_pkg::AXI_BYTES-1:0] a_present_i,
    output logic                                       b_buffer_o,
    output logic [                               15:0] b_word_o,
    input  logic [bl_pkg::COLS*bl_pkg::AXI_BYTES*8-1:0] b_data_i,
    // accumulator memory
    output logic                                       acc_re_o,
    output logic [                                7:0] acc_tile_o,
    output logic [                                5:0] acc_row_o,
    input  logic [                bl_pkg::COLS*48-1:0] acc_rdata_i,
    output logic                                       acc_we_o,
    output logic [                bl_pkg::COLS*48-1:0] acc_wdata_o
);

  localparam int Bytes = bl_pkg::AXI_BYTES;
  localparam int ByteW = $clog2(Bytes);
  localparam logic [1:0] Idle = 2'd0, Multiply = 2'd1, Wait = 2'd2;

  logic [1:0] state_q;
  logic [15:0] left_q, a_word_q, b_word_q;
  logic [ByteW-1:0] byte_q;
  logic first_q, mac, last, drained, reading_q, writing_q;
  logic [5:0] row_q;

  // --- where operands and accumulators lie: running sums over the loops ---------------------------------------------------
  logic first1, first2, all_tiles, new_sums, new_sums_q;
  logic [1:0] sum_loop;
  logic [15:0] a_first, b_first, a_first_q, b_first_q;
  logic [7:0] tile, tile_q;
  assign first2 = (exec_i2_i == 16'd0);
  assign first1 = (exec_i1_i == 32'd0);
  assign sum_loop = exec_cmd_i[bl_pkg::F_SUM_LOOP_LSB+:2];
  assign all_tiles = (sum_loop == bl_pkg::SUM_OUTER);
  always_comb begin
    a_first = first2 ? 16'd0 : a_first_q + exec_cmd_i[bl_pkg::F_A_STEP_LSB+:16];
    b_first = b_first_q;
    if (exec_cmd_i[bl_pkg::F_B_LOOP_LSB] ? first1 : first2) b_first = 16'd0;
    else if (first2 || !exec_cmd_i[bl_pkg::F_B_LOOP_LSB]) b_first = b_first_q + exec_cmd_i[bl_pkg::F_B_STEP_LSB+:16];
    new_sums = all_tiles ? (exec_i0_i == 16'd0) : (first2 || sum_loop == bl_pkg::SUM_NONE);
    tile = {7'd0, exec_par_i[(sum_loop == bl_pkg::SUM_NONE) ? 0 : 1]};
    if (all_tiles) tile = (first1 && first2) ? 8'd0 : tile_q + 8'd1;
  end
  always_ff @(posedge clk_i) begin
    if (state_q == Idle && exec_valid_i) begin
      a_first_q <= a_first;
      b_first_q <= b_first;
      tile_q <= tile;
      new_sums_q <= new_sums;
    end
  end

  // --- reduction ------------------------------------------------------------------------------------------------------
  assign mac = (state_q == Multiply);
  assign last = mac && left_q == 16'd1;
  assign exec_done_o = (last || state_q == Wait) && drained;
  assign a_buffer_o = exec_par_i[exec_cmd_i[bl_pkg::F_PARITY0_LSB+:2]];
  assign b_buffer_o = exec_par_i[exec_cmd_i[bl_pkg::F_PARITY1_LSB+:2]];
  assign spad_re_o = (state_q == Idle) ? exec_valid_i : (mac && byte_q == ByteW'(Bytes - 1) && !last);
  assign a_word_o = (state_q == Idle) ? a_first : a_word_q;
  assign b_word_o = (state_q == Idle) ? b_first : b_word_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) state_q <= Idle;
    else begin
      unique case (state_q)
        Idle: if (exec_valid_i) state_q <= Multiply;
        Multiply: if (last) state_q <= drained ? Idle : Wait;
        default: if (drained) state_q <= Idle;
      endcase
    end
  end

  always_ff @(posedge clk_i) begin
    if (state_q == Idle) begin
      if (exec_valid_i) begin
        left_q <= exec_cols_i;
        byte_q <= '0;
        first_q <= 1'b1;
        a_word_q <= a_first + 16'd1;
        b_word_q <= b_first + 16'd1;
      end
    end else if (mac) begin
      left_q  <= left_q - 16'd1;
      byte_q  <= byte_q + 1'b1;
      first_q <= 1'b0;
      if (spad_re_o) begin
        a_word_q <= a_word_q + 16'd1;
        b_word_q <= b_word_q + 16'd1;
      end
    end
  end

  logic [bl_pkg::ROWS*8-1:0] a;
  logic [bl_pkg::ROWS-1:0] present;
  logic [bl_pkg::COLS*8-1:0] b;
  always_comb begin
    a = '0;
    present = '0;
    b = '0;
    if (mac) begin
      for (int r = 0; r < bl_pkg::ROWS; r++) begin
        a[r*8+:8] = a_data_i[r*Bytes*8+byte_q*8+:8];
        present[r] = a_present_i[r*Bytes+32'(byte_q)];
      end
      for (int c = 0; c < bl_pkg::COLS; c++) b[c*8+:8] = b_data_i[c*Bytes*8+byte_q*8+:8];
    end
  end

  logic [bl_pkg::COLS*32-1:0] row;
  bl_array u_array (
      .clk_i,
      .mac_i(mac),
      .first_i(first_q),
      .mode_i(exec_cmd_i[bl_pkg::F_MODE_LSB+:2]),
      .a_kind_i(exec_cmd_i[bl_pkg::F_A_KIND_LSB+:2]),
      .b_kind_i(exec_cmd_i[bl_pkg::F_B_KIND_LSB+:2]),
      .a_i(a),
      .present_i(present),
      .b_i(b),
      .take_i(reading_q && row_q == 6'd0),
      .next_i(reading_q && row_q != 6'd0),
      .row_o(row)
  );

  // --- drain: read a row of both, then write their sum ----------------------------------------------------------------
  // What belongs to the segment is kept: the next one begins meanwhile.
  logic read_new_q, write_new_q, last_row;
  logic [7:0] read_tile_q;
  assign last_row = (row_q == 6'(bl_pkg::ROWS - 1));
  assign drained = !reading_q || last_row;

  always_ff @(posedge clk_i) begin
    if (!rst_ni || flush_i) begin
      reading_q <= 1'b0;
      writing_q <= 1'b0;
    end else begin
      if (exec_done_o) reading_q <= 1'b1;
      else if (last_row) reading_q <= 1'b0;
      writing_q <= reading_q;
    end
  end
  always_ff @(posedge clk_i) begin
    row_q <= (reading_q && !last_row) ? row_q + 6'd1 : 6'd0;
    write_new_q <= read_new_q;
    if (exec_done_o) begin
      read_tile_q <= tile_q;
      read_new_q  <= new_sums_q;
    end
  end

  assign acc_re_o = reading_q;
  assign acc_tile_o = read_tile_q;
  assign acc_row_o = row_q;
  assign acc_we_o = writing_q;
  always_comb begin
    acc_wdata_o = '0;
    if (writing_q) begin
      for (int c = 0; c < bl_pkg::COLS; c++) begin
        acc_wdata_o[c*48+:48] = (write_new_q ? 48'd0 : acc_rdata_i[c*48+:48]) +
            {{16{row[c*32+31]}}, row[c*32+:32]};
      end
    end
  end

  logic unused_command;
  assign unused_command = ^exec_cmd_i;

endmodule
