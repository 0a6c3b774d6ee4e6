// The write DMA: rows of local words to any byte address. A row's words are shifted to the destination's byte offset and
// cut by strobes. One beat a cycle through three stages: generate (reads the local word, sends the burst's address),
// shift, and the W register.
module bl_store (
    input  logic                           clk_i,
    input  logic                           rst_ni,
    // sequencer
    input  logic                           exec_valid_i,
    input  logic [                  511:0] exec_cmd_i,
    input  logic [                   31:0] exec_addr_i,
    input  logic [                   15:0] exec_rows_i,
    input  logic [                   15:0] exec_cols_i,
    input  logic [                    3:0] exec_par_i,
    output logic                           exec_done_o,
    // local memories; data in the cycle after the read
    output logic                           raw_re_o,
    output logic                           p1_re_o,
    output logic                           p2_re_o,
    output logic                           mask_re_o,
    output logic [                   15:0] word_o,
    input  logic [bl_pkg::AXI_BYTES*8-1:0] raw_data_i,
    input  logic [bl_pkg::AXI_BYTES*8-1:0] p1_data_i,
    input  logic [bl_pkg::AXI_BYTES*8-1:0] p2_data_i,
    input  logic [bl_pkg::AXI_BYTES*8-1:0] mask_data_i,
    // AXI
    output logic [                   31:0] awaddr_o,
    output logic [                    7:0] awlen_o,
    output logic                           awvalid_o,
    input  logic                           awready_i,
    output logic [bl_pkg::AXI_BYTES*8-1:0] wdata_o,
    output logic [  bl_pkg::AXI_BYTES-1:0] wstrb_o,
    output logic                           wlast_o,
    output logic                           wvalid_o,
    input  logic                           wready_i,
    input  logic                           bvalid_i
);

  localparam int Bytes = bl_pkg::AXI_BYTES;
  localparam int ByteW = $clog2(Bytes);

  logic active_q;
  logic parity, empty, raw;
  logic [3:0] source;
  logic [15:0] first_word, pitch_words;
  assign source = exec_cmd_i[bl_pkg::F_TARGET_LSB+:4];
  assign raw = (source == bl_pkg::SOURCE_RAW);
  assign parity = exec_par_i[exec_cmd_i[bl_pkg::F_PARITY0_LSB+:2]];
  assign pitch_words = raw ? exec_cmd_i[bl_pkg::F_LOCAL_PITCH_LSB+:16] : 16'd1;
  assign empty = (exec_rows_i == 16'd0) || (exec_cols_i == 16'd0);
  always_comb begin
    first_word = raw ? exec_cmd_i[bl_pkg::F_LOCAL_BASE_LSB+:16] : 16'd0;
    if (parity) begin
      unique case (source)
        bl_pkg::SOURCE_P1: first_word = 16'(bl_pkg::ROWS);
        bl_pkg::SOURCE_P2: first_word = 16'(bl_pkg::COLS);
        bl_pkg::SOURCE_MASK: first_word = 16'(bl_pkg::MASK_WORDS);
        default: first_word = exec_cmd_i[bl_pkg::F_LOCAL_BASE_LSB+:16] + exec_cmd_i[bl_pkg::F_LOCAL_STRIDE_LSB+:16];
      endcase
    end
  end

  // --- generate -------------------------------------------------------------------------------------------------------
  logic gen_q;                   // beats are left to generate
  logic [15:0] rows_q;           // rows left
  logic [31:0] row_addr_q;       // byte address of the row
  logic [15:0] row_word_q;       // local word of its first byte
  logic [13:0] beat_q;           // beat of the row
  logic [8:0] left_q;            // beats left in the burst; 0: the beat starts one
  logic [16:0] row_end;          // byte after the row's last, from its first beat's start
  logic [13:0] row_beats, source_words, beats_left;
  logic [31:0] beat_addr;
  logic [9:0] to_boundary;
  logic [13:0] burst;
  logic [8:0] left;
  logic [Bytes-1:0] strobe;
  logic first_beat, last_beat, burst_start, move;
  logic aw_free, w_free, shift_free;

  assign row_end = {1'b0, exec_cols_i} + 17'(row_addr_q[ByteW-1:0]);
  assign row_beats = 14'((row_end + 17'(Bytes - 1)) >> ByteW);
  assign source_words = 14'(({1'b0, exec_cols_i} + 17'(Bytes - 1)) >> ByteW);
  assign first_beat = (beat_q == 14'd0);
  assign beats_left = row_beats - beat_q;
  assign last_beat = (beats_left == 14'd1);
  assign beat_addr = {row_addr_q[31:ByteW] + (32-ByteW)'(beat_q), {ByteW{1'b0}}};
  assign to_boundary = 10'((13'd4096 - {1'b0, beat_addr[11:0]}) >> ByteW);
  always_comb begin
    burst = beats_left;
    if (burst > 14'(bl_pkg::MAX_BURST)) burst = 14'(bl_pkg::MAX_BURST);
    if (burst > {4'd0, to_boundary}) burst = {4'd0, to_boundary};
  end
  assign burst_start = (left_q == 9'd0);
  assign left = burst_start ? burst[8:0] : left_q;
  assign move = gen_q && shift_free && (!burst_start || aw_free);
  always_comb begin
    strobe = '1;
    if (first_beat) strobe = strobe << row_addr_q[ByteW-1:0];
    if (last_beat && row_end[ByteW-1:0] != '0) strobe = strobe & ~({Bytes{1'b1}} << row_end[ByteW-1:0]);
  end

  logic read;
  assign read = move && (beat_q < source_words);
  assign raw_re_o = read && raw;
  assign p1_re_o = read && (source == bl_pkg::SOURCE_P1);
  assign p2_re_o = read && (source == bl_pkg::SOURCE_P2);
  assign mask_re_o = read && (source == bl_pkg::SOURCE_MASK);
  assign word_o = row_word_q + 16'(beat_q);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      active_q <= 1'b0;
      gen_q <= 1'b0;
    end else if (!active_q) begin
      active_q <= exec_valid_i && !empty;
      gen_q <= exec_valid_i && !empty;
    end else begin
      if (exec_done_o) active_q <= 1'b0;
      if (move && last_beat && rows_q == 16'd1) gen_q <= 1'b0;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!active_q) begin
      if (exec_valid_i) begin
        rows_q <= exec_rows_i;
        row_addr_q <= exec_addr_i;
        row_word_q <= first_word;
        beat_q <= '0;
        left_q <= '0;
      end
    end else if (move) begin
      left_q <= left - 9'd1;
      beat_q <= last_beat ? 14'd0 : beat_q + 14'd1;
      if (last_beat) begin
        rows_q <= rows_q - 16'd1;
        row_addr_q <= row_addr_q + exec_cmd_i[bl_pkg::F_PITCH_LSB+:32];
        row_word_q <= row_word_q + pitch_words;
      end
    end
  end

  // --- burst addresses and responses ----------------------------------------------------------------------------------
  logic [31:0] awaddr_q;
  logic [7:0] awlen_q;
  logic awvalid_q;
  logic [23:0] pending_q;  // bursts without a response
  logic start_burst;

  assign start_burst = move && burst_start;
  assign aw_free = !awvalid_q || awready_i;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      awvalid_q <= 1'b0;
      pending_q <= '0;
    end else begin
      if (start_burst) awvalid_q <= 1'b1;
      else if (awready_i) awvalid_q <= 1'b0;
      pending_q <= pending_q + 24'(start_burst) - 24'(bvalid_i);
    end
  end
  always_ff @(posedge clk_i) begin
    if (start_burst) begin
      awaddr_q <= beat_addr;
      awlen_q  <= 8'(left - 9'd1);
    end
  end
  assign awaddr_o = awaddr_q;
  assign awlen_o = awlen_q;
  assign awvalid_o = awvalid_q;
  assign exec_done_o = active_q ? (!gen_q && bvalid_i && pending_q == 24'd1) : (exec_valid_i && empty);

  // --- shift ----------------------------------------------------------------------------------------------------------
  logic shift_q, last_q;  // a beat is in this stage; it ends its burst
  logic [Bytes-1:0] strobe_q;
  logic [ByteW-1:0] offset_q;
  logic [Bytes*8-1:0] data, before_q, shifted;
  logic [2*Bytes*8-1:0] window;

  assign shift_free = !shift_q || w_free;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) shift_q <= 1'b0;
    else if (shift_free) shift_q <= move;
  end
  always_ff @(posedge clk_i) begin
    if (move) begin
      strobe_q <= strobe;
      offset_q <= row_addr_q[ByteW-1:0];
      last_q   <= (left == 9'd1);
    end
  end
  always_comb begin
    unique case (source)
      bl_pkg::SOURCE_P1: data = p1_data_i;
      bl_pkg::SOURCE_P2: data = p2_data_i;
      bl_pkg::SOURCE_MASK: data = mask_data_i;
      default: data = raw_data_i;
    endcase
  end
  // The beat's bytes start offset_q bytes before the current word; those of a first beat before it are not strobed.
  assign window = {data, before_q};
  assign shifted = window[((ByteW+1)'(Bytes)-{1'b0, offset_q})*8+:Bytes*8];

  // --- W --------------------------------------------------------------------------------------------------------------
  logic [Bytes*8-1:0] wdata_q;
  logic [Bytes-1:0] wstrb_q;
  logic wlast_q, wvalid_q;

  assign w_free = !wvalid_q || wready_i;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) wvalid_q <= 1'b0;
    else if (w_free) wvalid_q <= shift_q;
  end
  always_ff @(posedge clk_i) begin
    if (w_free && shift_q) begin
      wdata_q  <= shifted;
      wstrb_q  <= strobe_q;
      wlast_q  <= last_q;
      before_q <= data;
    end
  end
  assign wdata_o = wdata_q;
  assign wstrb_o = wstrb_q;
  assign wlast_o = wlast_q;
  assign wvalid_o = wvalid_q;

  logic unused_command;
  assign unused_command = ^exec_cmd_i;

endmodule
