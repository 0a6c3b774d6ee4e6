// The read DMA: bl_gather makes pieces of the rows, a burst unit asks for their beats ahead of the data, and bl_packer cuts
// and expands the beats into local words. Beats wait in a FIFO in which a burst has its room before it is asked for, so
// DRAM never waits. A burst ends at a piece's end, after MAX_BURST beats or at a 4 KiB boundary. A LOAD with LINES asks
// only for beats that the line buffer does not hold.
//
// A LOAD first asks: bl_gather and the burst unit work by the sequencer's command until the last burst is granted. Then
// the sequencer may bring the next one, while the data side, which has a copy of all that it needs, still fills.
module bl_load #(
    parameter int Ahead = 4  // LOADs that may have started and not ended; a power of two
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
    input  logic [                   31:0] exec_i1_i,
    input  logic [                   15:0] exec_i2_i,
    input  logic [                    3:0] exec_par_i,
    input  logic                           exec_closed_i,    // it may ask and not fill
    output logic                           exec_done_o,      // over, or has asked
    output logic                           end_o,            // the oldest LOAD with elements is over
    output logic [                   23:0] end_index_o,      // its INDEX
    // bursts, to the arbiter
    output logic                           burst_valid_o,
    output logic [                   63:0] burst_addr_o,
    output logic [                    8:0] burst_beats_o,
    output logic [      $clog2(Ahead)-1:0] burst_load_o,     // place of its LOAD
    input  logic                           burst_grant_i,
    // beats of these bursts, in order
    input  logic                           beat_valid_i,
    input  logic [      $clog2(Ahead)-1:0] beat_load_i,
    output logic [                   23:0] beat_index_o,     // INDEX of its LOAD
    input  logic [bl_pkg::AXI_BYTES*8-1:0] beat_data_i,
    // the local word of this cycle
    output logic                           a_we_o,
    output logic                           b_we_o,
    output logic                           vin_we_o,
    output logic                           buffer_o,     // scratchpads
    output logic [                    5:0] lane_o,
    output logic [                   15:0] word_o,       // scratchpads: word of the buffer; VIN: word
    // scratchpads, transposed: element i goes to lane i mod lanes of tile i / lanes
    output logic                           transpose_o,
    output logic [                   15:0] step_o,       // words from tile to tile
    output logic [                    8:0] tiles_o,      // that have elements
    output logic [                    2:0] width_o,      // LOCAL_BITS
    output logic [                    5:0] byte_o,       // of the lane's word
    output logic [                    2:0] bit_o,        // of this byte
    output logic [bl_pkg::AXI_BYTES*8-1:0] data_o,       // of the scratchpads
    output logic [   bl_pkg::LANES*32-1:0] vin_data_o,
    output logic [  bl_pkg::AXI_BYTES-1:0] present_o     // bytes that are not padding
);

  localparam int Bytes = bl_pkg::AXI_BYTES;
  localparam int Bits = Bytes * 8;
  localparam int BitW = $clog2(Bits);
  localparam int ByteW = $clog2(Bytes);
  localparam int Beats = (2 * bl_pkg::MAX_BURST > 64) ? 2 * bl_pkg::MAX_BURST : 64;  // of the FIFO
  localparam int BeatW = $clog2(Beats);
  localparam int Pieces = 128;
  localparam int PieceW = $clog2(Pieces);
  localparam int EntryW = BitW + 24;
  localparam int LineW = (bl_pkg::LINE_BEATS > 2) ? $clog2(bl_pkg::LINE_BEATS) : 1;
  localparam int BeatAddrW = 64 - ByteW;
  localparam int PlaceW = $clog2(Ahead);

  // --- the execution that asks ------------------------------------------------------------------------------------------
  logic active_q, empty, start, is_shape, asked;
  assign is_shape = (exec_cmd_i[bl_pkg::F_OPCODE_LSB+:8] == bl_pkg::OP_LOAD_SHAPE);
  assign empty = is_shape || (exec_rows_i == 16'd0) || (exec_cols_i == 16'd0);
  assign start = exec_valid_i && !active_q && !empty;
  assign exec_done_o = active_q ? asked : (exec_valid_i && empty);
  always_ff @(posedge clk_i) begin
    if (!rst_ni) active_q <= 1'b0;
    else if (!active_q) active_q <= start;
    else if (asked) active_q <= 1'b0;
  end

  // --- the execution that fills: the oldest, by a copy of its fields ------------------------------------------------------
  localparam int FieldsW = 101;
  logic [FieldsW-1:0] fields_q [Ahead];
  logic [FieldsW-1:0] fields;
  logic [PlaceW-1:0] load_in_q, load_out_q;
  logic fresh_q;  // it has filled no word
  logic closed;
  logic start_parity, parity, transpose, padding_min;
  logic [15:0] first_word, local_stride, local_pitch, cols;
  logic [2:0] memory_bits, local_bits, memory_shift, local_shift;
  logic [1:0] target, expand;
  assign start_parity = exec_par_i[exec_cmd_i[bl_pkg::F_PARITY0_LSB+:2]];
  always_ff @(posedge clk_i) begin
    if (start) begin
      fields_q[load_in_q] <= {
        exec_cmd_i[bl_pkg::F_INDEX_LSB+:24],
        exec_cmd_i[bl_pkg::F_LOCAL_BASE_LSB+:16] +
            ((exec_cmd_i[bl_pkg::F_TARGET_LSB+:2] == bl_pkg::TARGET_VIN && start_parity) ?
                exec_cmd_i[bl_pkg::F_LOCAL_STRIDE_LSB+:16] : 16'd0),
        exec_cmd_i[bl_pkg::F_LOCAL_STRIDE_LSB+:16],
        exec_cmd_i[bl_pkg::F_LOCAL_PITCH_LSB+:16],
        exec_cols_i,
        exec_cmd_i[bl_pkg::F_MEMORY_BITS_LSB+:3],
        exec_cmd_i[bl_pkg::F_LOCAL_BITS_LSB+:3],
        exec_cmd_i[bl_pkg::F_TARGET_LSB+:2],
        exec_cmd_i[bl_pkg::F_EXPAND_LSB+:2],
        exec_cmd_i[bl_pkg::F_PAD_MIN_LSB],
        exec_cmd_i[bl_pkg::F_TRANSPOSE_LSB],
        start_parity
      };
    end
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      load_in_q <= '0;
      load_out_q <= '0;
    end else begin
      load_in_q <= load_in_q + PlaceW'(start);
      load_out_q <= load_out_q + PlaceW'(end_o);
    end
  end
  assign fields = fields_q[load_out_q];
  assign {end_index_o, first_word, local_stride, local_pitch, cols, memory_bits, local_bits, target, expand, padding_min,
          transpose, parity} = fields;
  assign burst_load_o = load_in_q - PlaceW'(1);
  assign closed = exec_closed_i && !start && (load_out_q == burst_load_o);
  assign beat_index_o = fields_q[beat_load_i][FieldsW-1-:24];
  always_comb begin
    case (memory_bits)
      bl_pkg::WIDTH_BITS1: memory_shift = 3'd0;
      bl_pkg::WIDTH_BITS4: memory_shift = 3'd2;
      bl_pkg::WIDTH_BITS8: memory_shift = 3'd3;
      bl_pkg::WIDTH_BITS16: memory_shift = 3'd4;
      default: memory_shift = 3'd5;
    endcase
    case (local_bits)
      bl_pkg::WIDTH_BITS1: local_shift = 3'd0;
      bl_pkg::WIDTH_BITS4: local_shift = 3'd2;
      bl_pkg::WIDTH_BITS8: local_shift = 3'd3;
      default: local_shift = 3'd5;
    endcase
  end

  // --- pieces ---------------------------------------------------------------------------------------------------------
  logic piece_valid, piece_padding, piece_ends_row, piece_last, piece_take;
  logic [66:0] piece_addr;
  logic [20:0] piece_bits;
  bl_gather #(
      .Taps(1'b1)
  ) u_gather (
      .clk_i, .rst_ni, .shape_i(exec_valid_i && is_shape), .start_i(start),
      .exec_cmd_i, .exec_addr_i, .exec_rows_i, .exec_cols_i, .exec_row0_i, .exec_col0_i, .exec_i1_i, .exec_i2_i,
      .piece_valid_o(piece_valid), .piece_addr_o(piece_addr), .piece_bits_o(piece_bits),
      .piece_padding_o(piece_padding), .piece_ends_row_o(piece_ends_row), .piece_last_o(piece_last),
      .piece_ready_i(piece_take)
  );

  // What of it is to be asked for: all its beats, or those that the line buffer does not hold.
  logic serves, asks;
  logic [16:0] piece_beats, piece_asked;
  logic [BeatAddrW-1:0] piece_ask;
  assign piece_beats = 17'((22'(piece_addr[BitW-1:0]) + {1'b0, piece_bits} + 22'(Bits - 1)) >> BitW);
  bl_line_window #(
      .Beats(bl_pkg::LINE_BEATS), .AddrW(BeatAddrW)
  ) u_window (
      .clk_i, .rst_ni, .clear_i(exec_valid_i && is_shape), .lines_i(exec_cmd_i[bl_pkg::F_LINES_LSB]),
      .take_i(piece_take && !piece_padding), .first_i(piece_addr[66:BitW]), .beats_i(piece_beats),
      .serves_o(serves), .ask_o(piece_ask), .asked_o(piece_asked)
  );
  assign asks = !piece_padding && (piece_asked != 17'd0);

  logic [EntryW-1:0] piece_fifo_q [Pieces];
  logic [2*LineW+1:0] line_fifo_q [Pieces];  // of the line buffer: whether it serves the piece, beats asked for, place
  logic [EntryW-1:0] head;
  logic [2*LineW+1:0] line_head, line_in;
  logic [LineW-1:0] next_place;
  logic [PieceW-1:0] piece_in_q, piece_out_q;
  logic [PieceW:0] piece_count_q;
  logic piece_pop;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      piece_in_q <= '0;
      piece_out_q <= '0;
      piece_count_q <= '0;
    end else begin
      piece_in_q <= piece_in_q + PieceW'(piece_take);
      piece_out_q <= piece_out_q + PieceW'(piece_pop);
      piece_count_q <= piece_count_q + (PieceW+1)'(piece_take) - (PieceW+1)'(piece_pop);
    end
  end
  always_ff @(posedge clk_i) begin
    if (piece_take) begin
      piece_fifo_q[piece_in_q] <= {piece_addr[BitW-1:0], piece_bits, piece_padding, piece_ends_row, piece_last};
      line_fifo_q[piece_in_q] <= line_in;
    end
  end
  assign head = piece_fifo_q[piece_out_q];
  assign line_in = {serves && !piece_padding, piece_asked[LineW:0], piece_addr[BitW+:LineW]};
  assign line_head = line_fifo_q[piece_out_q];
  // The oldest in the next cycle, where that is another piece than now.
  assign next_place = (piece_count_q > (PieceW+1)'(piece_pop)) ?
      line_fifo_q[piece_out_q + PieceW'(piece_pop)][LineW-1:0] : line_in[LineW-1:0];

  // --- bursts ---------------------------------------------------------------------------------------------------------
  logic [16:0] ask_beats_q, beats;      // beats of the piece that are not asked for
  logic [63:0] ask_addr_q;
  logic [BeatW:0] free_q;               // beats of the FIFO that no burst has
  logic [9:0] to_boundary;
  logic beat_pop, grants_last, last_taken_q;
  assign to_boundary = 10'((13'd4096 - {1'b0, ask_addr_q[11:0]}) >> ByteW);
  always_comb begin
    beats = ask_beats_q;
    if (beats > 17'(bl_pkg::MAX_BURST)) beats = 17'(bl_pkg::MAX_BURST);
    if (beats > {7'd0, to_boundary}) beats = {7'd0, to_boundary};
  end
  assign burst_valid_o = (ask_beats_q != 17'd0) && (17'(free_q) >= beats);
  assign burst_addr_o = ask_addr_q;
  assign burst_beats_o = beats[8:0];
  // The next piece is taken in the cycle in which the last burst of the one before is granted.
  assign grants_last = burst_grant_i && ask_beats_q == beats;
  assign piece_take = piece_valid && (piece_count_q != (PieceW+1)'(Pieces)) && (ask_beats_q == 17'd0 || grants_last);
  assign asked = (piece_take && piece_last && !asks) || (last_taken_q && grants_last);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      ask_beats_q <= '0;
      last_taken_q <= 1'b0;
      free_q <= (BeatW+1)'(Beats);
    end else begin
      if (piece_take) last_taken_q <= piece_last && asks;
      else if (grants_last) last_taken_q <= 1'b0;
      if (piece_take) begin
        ask_beats_q <= asks ? piece_asked : 17'd0;
      end else if (burst_grant_i) begin
        ask_beats_q <= ask_beats_q - beats;
      end
      free_q <= free_q - (burst_grant_i ? (BeatW+1)'(beats) : '0) + (BeatW+1)'(beat_pop);
    end
  end
  always_ff @(posedge clk_i) begin
    if (piece_take) ask_addr_q <= {piece_ask, {ByteW{1'b0}}};
    else if (burst_grant_i) ask_addr_q <= ask_addr_q + (64'(beats) << ByteW);
  end

  // --- beats ----------------------------------------------------------------------------------------------------------
  logic [Bits-1:0] beat_fifo_q [Beats];
  logic [BeatW-1:0] beat_in_q, beat_out_q;
  logic [BeatW:0] beat_count_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      beat_in_q <= '0;
      beat_out_q <= '0;
      beat_count_q <= '0;
    end else begin
      beat_in_q <= beat_in_q + BeatW'(beat_valid_i);
      beat_out_q <= beat_out_q + BeatW'(beat_pop);
      beat_count_q <= beat_count_q + (BeatW+1)'(beat_valid_i) - (BeatW+1)'(beat_pop);
    end
  end
  always_ff @(posedge clk_i) begin
    if (beat_valid_i) beat_fifo_q[beat_in_q] <= beat_data_i;
  end

  logic packer_valid, packer_busy, packer_beat_valid, packer_beat_pop;
  logic [Bits-1:0] packer_beat;
  logic [LineW:0] head_beats;
  assign packer_valid = piece_count_q != '0 && !closed;
  assign head_beats = (LineW+1)'((22'(head[EntryW-1:24]) + {1'b0, head[23:3]} + 22'(Bits - 1)) >> BitW);
  bl_line_buffer #(
      .Beats(bl_pkg::LINE_BEATS)
  ) u_lines (
      .clk_i, .rst_ni, .valid_i(packer_valid && !packer_busy), .lines_i(line_head[2*LineW+1]),
      .place_i(line_head[LineW-1:0]), .beats_i(head_beats), .asked_i(line_head[2*LineW:LineW]),
      .beat_pop_i(packer_beat_pop), .piece_pop_i(piece_pop), .next_place_i(next_place),
      .beat_valid_i(beat_count_q != '0), .beat_data_i(beat_fifo_q[beat_out_q]), .beat_pop_o(beat_pop),
      .beat_valid_o(packer_beat_valid), .beat_data_o(packer_beat)
  );

  // --- local words ----------------------------------------------------------------------------------------------------
  logic word_valid, word_ends_row, word_last;
  logic [bl_pkg::LANES*32-1:0] word;
  logic [Bytes-1:0] padding;
  bl_packer u_packer (
      .clk_i, .rst_ni, .vin_i(target == bl_pkg::TARGET_VIN), .memory_shift_i(memory_shift), .local_shift_i(local_shift),
      .expand_i(expand), .padding_min_i(padding_min),
      .piece_valid_i(packer_valid), .piece_offset_i(head[EntryW-1:24]), .piece_bits_i(head[23:3]),
      .piece_padding_i(head[2]), .piece_ends_row_i(head[1]), .piece_last_i(head[0]), .piece_pop_o(piece_pop), .busy_o(packer_busy),
      .beat_valid_i(packer_beat_valid), .beat_data_i(packer_beat), .beat_pop_o(packer_beat_pop),
      .word_valid_o(word_valid), .word_data_o(word), .word_padding_o(padding), .word_ends_row_o(word_ends_row),
      .word_last_o(word_last)
  );

  // Where it goes. Rows fill the lanes of one tile after the other. Elements of transposed rows are spread over the lanes,
  // each at the row's position in its lane.
  logic [15:0] row_q, word_q, row_word_q, offset_q, left_q;  // after the first word
  logic [15:0] row, word_number, row_word, offset, left, next_row_word, position, row_step;
  logic [5:0] lane_q, lane, last_lane;
  // Only lanes that are a power of two take more than one tile of a transposed row.
  localparam bit WideA = (bl_pkg::ROWS & (bl_pkg::ROWS - 1)) == 0;
  localparam bit WideB = (bl_pkg::COLS & (bl_pkg::COLS - 1)) == 0;
  localparam int ShiftA = $clog2(bl_pkg::ROWS), ShiftB = $clog2(bl_pkg::COLS);
  logic is_a;
  logic [2:0] element_shift;    // of elements a byte
  logic [3:0] word_tile_shift;  // of tiles a word
  assign is_a = (target == bl_pkg::TARGET_SPAD_A);
  assign last_lane = is_a ? 6'(bl_pkg::ROWS - 1) : 6'(bl_pkg::COLS - 1);
  always_comb begin
    row_step = local_pitch;
    if (target != bl_pkg::TARGET_VIN) row_step = (lane == last_lane) ? local_stride : 16'd0;
  end
  assign row = fresh_q ? 16'd0 : row_q;
  assign lane = fresh_q ? 6'd0 : lane_q;
  assign word_number = fresh_q ? first_word : word_q;
  assign row_word = fresh_q ? first_word : row_word_q;
  assign offset = fresh_q ? 16'd0 : offset_q;
  assign left = fresh_q ? cols : left_q;
  assign next_row_word = row_word + row_step;
  assign element_shift = 3'd3 - local_shift;
  assign word_tile_shift = {1'b0, element_shift} + (is_a ? 4'(ByteW - ShiftA) : 4'(ByteW - ShiftB));
  always_ff @(posedge clk_i) begin
    if (!rst_ni) fresh_q <= 1'b1;
    else if (word_valid) fresh_q <= word_last;
  end
  always_ff @(posedge clk_i) begin
    if (word_valid) begin
      word_q <= word_ends_row ? next_row_word : word_number + 16'd1;
      offset_q <= word_ends_row ? 16'd0 : offset + (local_stride << word_tile_shift);
      left_q <= word_ends_row ? cols : left - (16'(Bytes) << element_shift);
      row_q <= word_ends_row ? row + 16'd1 : row;
      row_word_q <= word_ends_row ? next_row_word : row_word;
      lane_q <= !word_ends_row ? lane : (lane == last_lane) ? 6'd0 : lane + 6'd1;
    end
  end
  always_comb begin
    case (local_shift)
      3'd0: begin
        position = row >> 3;
        bit_o = row[2:0];
      end
      3'd2: begin
        position = row >> 1;
        bit_o = {row[0], 2'd0};
      end
      default: begin
        position = row;
        bit_o = 3'd0;
      end
    endcase
  end
  // Tiles with elements: all of the word's, or those of the elements that are left.
  logic [15:0] word_tiles, left_tiles;
  assign word_tiles = 16'd1 << word_tile_shift;
  always_comb begin
    left_tiles = 16'd1;
    if (is_a && WideA) left_tiles = 16'((17'(left) + 17'(bl_pkg::ROWS - 1)) >> ShiftA);
    if (!is_a && WideB) left_tiles = 16'((17'(left) + 17'(bl_pkg::COLS - 1)) >> ShiftB);
  end
  assign tiles_o = (left_tiles < word_tiles) ? left_tiles[8:0] : word_tiles[8:0];

  assign a_we_o = word_valid && (target == bl_pkg::TARGET_SPAD_A);
  assign b_we_o = word_valid && (target == bl_pkg::TARGET_SPAD_B);
  assign vin_we_o = word_valid && (target == bl_pkg::TARGET_VIN);
  assign transpose_o = transpose;
  assign buffer_o = parity;
  assign lane_o = lane;
  assign step_o = local_stride;
  assign width_o = local_bits;
  assign word_o = transpose ? first_word + (position >> ByteW) + offset : word_number;
  assign byte_o = 6'(position[ByteW-1:0]);
  assign data_o = word[Bits-1:0];
  assign vin_data_o = word;
  assign present_o = ~padding;
  assign end_o = word_valid && word_last;

endmodule
