// The write DMA: rows of elements from VOUT, one int32 a lane, packed to their width in memory and shifted to any byte
// address; strobes cut a row's first and last beat. One VOUT word a cycle, or where it has two beats in memory one of
// them, through three stages: read, append, and the AW and W registers. A burst ends at a row's end, after MAX_BURST
// beats or at a 4 KiB boundary.
//
// When a STORE's last word is read, the sequencer may bring the next one, while beats are still made and responses come.
module bl_store #(
    parameter int Ahead = 4  // STOREs that may have started and not ended; a power of two
) (
    input  logic                           clk_i,
    input  logic                           rst_ni,
    // sequencer
    input  logic                           exec_valid_i,
    input  logic [                  511:0] exec_cmd_i,
    input  logic [                   63:0] exec_addr_i,
    input  logic [                   15:0] exec_rows_i,
    input  logic [                   15:0] exec_cols_i,
    input  logic [                   31:0] exec_row0_i,
    input  logic [                   31:0] exec_col0_i,
    input  logic [                    3:0] exec_par_i,
    output logic                           exec_done_o,       // over, or has read VOUT
    output logic                           end_o,             // the oldest STORE with elements is over
    output logic [                   23:0] oldest_index_o,    // its INDEX, which responses belong to
    // VOUT; data in the cycle after the read
    output logic                           vout_re_o,
    output logic [                   15:0] vout_word_o,
    input  logic [   bl_pkg::LANES*32-1:0] vout_data_i,
    // AXI
    output logic [                   63:0] awaddr_o,
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
  localparam int Bits = Bytes * 8;
  localparam int ByteW = $clog2(Bytes);
  localparam int BitW = $clog2(Bits);
  localparam int Lanes = bl_pkg::LANES;

  // --- the execution --------------------------------------------------------------------------------------------------
  logic active_q, empty, start, is_shape, parity, has_read;
  logic [2:0] width, word_width_q;  // of the word that is appended
  logic [2:0] element_shift;
  assign is_shape = (exec_cmd_i[bl_pkg::F_OPCODE_LSB+:8] == bl_pkg::OP_STORE_SHAPE);
  assign empty = is_shape || (exec_rows_i == 16'd0) || (exec_cols_i == 16'd0);
  assign start = exec_valid_i && !active_q && !empty;
  assign exec_done_o = active_q ? has_read : (exec_valid_i && empty);
  always_ff @(posedge clk_i) begin
    if (!rst_ni) active_q <= 1'b0;
    else if (!active_q) active_q <= start;
    else if (has_read) active_q <= 1'b0;
  end
  assign parity = exec_par_i[exec_cmd_i[bl_pkg::F_PARITY0_LSB+:2]];
  assign width = word_width_q;
  always_comb begin
    case (width)
      bl_pkg::WIDTH_BITS1: element_shift = 3'd0;
      bl_pkg::WIDTH_BITS4: element_shift = 3'd2;
      bl_pkg::WIDTH_BITS8: element_shift = 3'd3;
      bl_pkg::WIDTH_BITS16: element_shift = 3'd4;
      default: element_shift = 3'd5;
    endcase
  end

  // --- rows -----------------------------------------------------------------------------------------------------------
  logic row_valid, row_last, row_take;
  logic [66:0] row_addr;
  logic [20:0] row_bits;
  logic unused_padding, unused_ends_row;
  bl_gather #(
      .Taps(1'b0)
  ) u_gather (
      .clk_i, .rst_ni, .shape_i(exec_valid_i && is_shape), .start_i(start),
      .exec_cmd_i, .exec_addr_i, .exec_rows_i, .exec_cols_i, .exec_row0_i, .exec_col0_i,
      .exec_i1_i(32'd0), .exec_i2_i(16'd0),
      .piece_valid_o(row_valid), .piece_addr_o(row_addr), .piece_bits_o(row_bits), .piece_padding_o(unused_padding),
      .piece_ends_row_o(unused_ends_row), .piece_last_o(row_last), .piece_ready_i(row_take)
  );

  // --- read: one VOUT word a cycle ------------------------------------------------------------------------------------
  logic [15:0] left_q, left, row_word_q, offset_q;   // elements left of the row; its first word, and words from there
  logic begun_q, read, last_word, append_free;
  assign left = begun_q ? left_q : exec_cols_i;
  assign last_word = (left <= 16'(Lanes));
  assign read = row_valid && append_free;
  assign row_take = read && last_word;
  assign has_read = row_take && row_last;
  assign vout_re_o = read;
  assign vout_word_o = row_word_q + offset_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      begun_q <= 1'b0;
    end else if (read) begin
      begun_q <= !last_word;
    end
  end
  always_ff @(posedge clk_i) begin
    if (start) begin
      row_word_q <= exec_cmd_i[bl_pkg::F_LOCAL_BASE_LSB+:16] +
          (parity ? exec_cmd_i[bl_pkg::F_LOCAL_STRIDE_LSB+:16] : 16'd0);
      offset_q <= '0;
    end else if (read) begin
      left_q <= left - 16'(Lanes);
      offset_q <= last_word ? 16'd0 : offset_q + 16'd1;
      if (last_word) row_word_q <= row_word_q + exec_cmd_i[bl_pkg::F_LOCAL_PITCH_LSB+:16];
    end
  end

  // --- append: the word's elements, at most a beat of them, behind what the beat has ------------------------------------
  // Of the word that has been read; a row's first brings the row's address and beats.
  logic word_q, word_first_q, word_ends_row_q, word_last_q;
  logic [15:0] word_elements_q, elements;
  logic [63:0] word_addr_q;
  logic [15:0] word_beats_q;
  logic step, emit, ends_row, second_q, word_done;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) word_q <= 1'b0;
    else if (append_free) word_q <= read;
  end
  always_ff @(posedge clk_i) begin
    if (read) begin
      word_width_q <= exec_cmd_i[bl_pkg::F_MEMORY_BITS_LSB+:3];
      word_first_q <= !begun_q;
      word_ends_row_q <= last_word;
      word_last_q <= last_word && row_last;
      word_elements_q <= last_word ? left : 16'(Lanes);
      word_addr_q <= row_addr[66:3];
      word_beats_q <= 16'((22'(row_addr[BitW-1:0]) + {1'b0, row_bits} + 22'(Bits - 1)) >> BitW);
    end
  end

  // Words of two beats: their first half, then the second.
  localparam int BeatLanes = Bits / 32;
  logic halves;
  assign halves = Lanes > BeatLanes && width == bl_pkg::WIDTH_BITS32;
  assign word_done = !halves || second_q || word_elements_q <= 16'(BeatLanes);
  always_comb begin
    elements = word_elements_q;
    if (halves) elements = second_q ? word_elements_q - 16'(BeatLanes) : word_done ? word_elements_q : 16'(BeatLanes);
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) second_q <= 1'b0;
    else if (step && !flush_q) second_q <= !word_done;
  end

  logic [Bits-1:0] packed_bits, beat_q;
  always_comb begin
    packed_bits = '0;
    unique case (width)
      bl_pkg::WIDTH_BITS1: for (int i = 0; i < Lanes; i++) packed_bits[i] = vout_data_i[i*32];
      bl_pkg::WIDTH_BITS4: for (int i = 0; i < Lanes; i++) packed_bits[i*4+:4] = vout_data_i[i*32+:4];
      bl_pkg::WIDTH_BITS8: for (int i = 0; i < Lanes; i++) packed_bits[i*8+:8] = vout_data_i[i*32+:8];
      bl_pkg::WIDTH_BITS16: for (int i = 0; i < Lanes; i++) packed_bits[i*16+:16] = vout_data_i[i*32+:16];
      default: packed_bits = second_q ? vout_data_i[(Lanes-BeatLanes)*32+:Bits] : vout_data_i[Bits-1:0];
    endcase
  end

  logic flush_q, flush_last_q, full, first_beat, first_beat_q;
  logic [BitW-1:0] fill_q, fill;
  logic [BitW:0] added, total;
  logic [Bits-1:0] added_data;
  logic [2*Bits-1:0] window;
  logic [ByteW-1:0] lead_q, lead;    // bytes before the row in its first beat
  logic [63:0] addr_q, addr;         // of the beat
  logic [15:0] beats_q, beats;       // left of the row
  logic starts_row;
  assign starts_row = word_first_q && !second_q && !flush_q;
  assign lead = starts_row ? word_addr_q[ByteW-1:0] : lead_q;
  assign fill = starts_row ? {lead, 3'd0} : fill_q;
  assign addr = starts_row ? {word_addr_q[63:ByteW], {ByteW{1'b0}}} : addr_q;
  assign beats = starts_row ? word_beats_q : beats_q;
  assign first_beat = starts_row || first_beat_q;
  assign added = flush_q ? '0 : (BitW+1)'(elements << element_shift);
  assign total = {1'b0, fill} + added;
  assign full = total[BitW];
  assign ends_row = flush_q || (word_done && word_ends_row_q && !(full && total[BitW-1:0] != '0));
  assign emit = (flush_q || word_q) && (full || ends_row);
  assign added_data = packed_bits & ~({Bits{1'b1}} << added);
  always_comb begin
    window = {{Bits{1'b0}}, starts_row ? {Bits{1'b0}} : beat_q};
    if (word_q && !flush_q) begin
      window = window | ({{Bits{1'b0}}, added_data} << fill);
    end
  end

  logic out_free, last_emit;
  assign step = (flush_q || word_q) && (!emit || out_free);
  assign append_free = !word_q || (step && word_done && !flush_q);
  assign last_emit = step && ends_row && (flush_q ? flush_last_q : word_last_q);
  always_ff @(posedge clk_i) begin
    if (!rst_ni) flush_q <= 1'b0;
    else if (step) flush_q <= !flush_q && word_done && word_ends_row_q && !ends_row;
  end
  always_ff @(posedge clk_i) begin
    if (step) begin
      flush_last_q <= word_last_q;
      lead_q <= lead;
      fill_q <= total[BitW-1:0];
      beat_q <= full ? window[2*Bits-1:Bits] : window[Bits-1:0];
      addr_q <= emit ? addr + 64'(Bytes) : addr;
      beats_q <= emit ? beats - 16'd1 : beats;
      first_beat_q <= first_beat && !emit;
    end
  end

  // --- the beat's burst and strobes -------------------------------------------------------------------------------------
  logic [8:0] left_beats_q, burst_left;  // of the burst; 0: the beat starts one
  logic [9:0] to_boundary;
  logic [15:0] burst;
  logic burst_start, start_burst, aw_free, w_free;
  logic [Bytes-1:0] strobe;
  assign to_boundary = 10'((13'd4096 - {1'b0, addr[11:0]}) >> ByteW);
  always_comb begin
    burst = beats;
    if (burst > 16'(bl_pkg::MAX_BURST)) burst = 16'(bl_pkg::MAX_BURST);
    if (burst > {6'd0, to_boundary}) burst = {6'd0, to_boundary};
  end
  assign burst_start = (left_beats_q == 9'd0);
  assign burst_left = burst_start ? burst[8:0] : left_beats_q;
  assign out_free = w_free && (!burst_start || aw_free);
  assign start_burst = emit && out_free && burst_start;
  always_comb begin
    strobe = '1;
    if (first_beat) strobe = strobe << lead;
    if (ends_row && !full) strobe = strobe & ~({Bytes{1'b1}} << ((total + (BitW+1)'(7)) >> 3));
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) left_beats_q <= '0;
    else if (emit && out_free) left_beats_q <= burst_left - 9'd1;
  end

  // --- AW, W and responses ----------------------------------------------------------------------------------------------
  logic [63:0] awaddr_q;
  logic [7:0] awlen_q;
  logic awvalid_q;
  assign aw_free = !awvalid_q || awready_i;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) awvalid_q <= 1'b0;
    else if (start_burst) awvalid_q <= 1'b1;
    else if (awready_i) awvalid_q <= 1'b0;
  end
  always_ff @(posedge clk_i) begin
    if (start_burst) begin
      awaddr_q <= addr;
      awlen_q  <= 8'(burst_left - 9'd1);
    end
  end
  assign awaddr_o = awaddr_q;
  assign awlen_o = awlen_q;
  assign awvalid_o = awvalid_q;

  logic [Bits-1:0] wdata_q;
  logic [Bytes-1:0] wstrb_q;
  logic wlast_q, wvalid_q;
  assign w_free = !wvalid_q || wready_i;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) wvalid_q <= 1'b0;
    else if (w_free) wvalid_q <= emit && out_free;
  end
  always_ff @(posedge clk_i) begin
    if (emit && out_free) begin
      wdata_q <= window[Bits-1:0];
      wstrb_q <= strobe;
      wlast_q <= (burst_left == 9'd1);
    end
  end
  assign wdata_o = wdata_q;
  assign wstrb_o = wstrb_q;
  assign wlast_o = wlast_q;
  assign wvalid_o = wvalid_q;

  // --- STOREs under way -------------------------------------------------------------------------------------------------
  // Places of the next that starts, of the one whose beats are made and of the oldest. By place its INDEX, and where its
  // beats are made the number of its last burst. Fewer than 2^16 bursts wait for their responses.
  localparam int PlaceW = $clog2(Ahead);
  logic [23:0] index_q [Ahead];
  logic [15:0] last_burst_q [Ahead];
  logic [PlaceW-1:0] in_q;
  logic [PlaceW:0] made_q, out_q;
  logic [15:0] begun_bursts_q, begun_bursts, answered_q, answered;
  assign begun_bursts = begun_bursts_q + 16'(start_burst);
  assign answered = answered_q + 16'(bvalid_i);
  assign oldest_index_o = index_q[out_q[PlaceW-1:0]];
  assign end_o = bvalid_i && made_q != out_q && answered == last_burst_q[out_q[PlaceW-1:0]];
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      in_q <= '0;
      made_q <= '0;
      out_q <= '0;
      begun_bursts_q <= '0;
      answered_q <= '0;
    end else begin
      in_q <= in_q + PlaceW'(start);
      made_q <= made_q + (PlaceW+1)'(last_emit);
      out_q <= out_q + (PlaceW+1)'(end_o);
      begun_bursts_q <= begun_bursts;
      answered_q <= answered;
    end
  end
  always_ff @(posedge clk_i) begin
    if (start) index_q[in_q] <= exec_cmd_i[bl_pkg::F_INDEX_LSB+:24];
    if (last_emit) last_burst_q[made_q[PlaceW-1:0]] <= begun_bursts;
  end

  logic unused;
  assign unused = ^{exec_cmd_i, row_addr[2:0], unused_padding, unused_ends_row};

endmodule
