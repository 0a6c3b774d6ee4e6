// The data side of LOAD: cuts the bits of each piece out of the beats, expands the elements to their local width and
// appends them into local words: those of the scratchpads have the bytes of a beat, those of VIN 32 bits a lane. A step
// takes what a whole local word has room for, at most to the next multiple of that in the beat and to the beat's end. A
// row ends with its last word.
module bl_packer (
    input  logic                           clk_i,
    input  logic                           rst_ni,
    // of the LOAD: words of VIN; widths as log2 of bits
    input  logic                           vin_i,
    input  logic [                    2:0] memory_shift_i,
    input  logic [                    2:0] local_shift_i,
    input  logic [                    1:0] expand_i,
    input  logic                           padding_min_i,
    // oldest piece: where it starts in its first beat
    input  logic                           piece_valid_i,
    input  logic [$clog2(bl_pkg::AXI_BYTES*8)-1:0] piece_offset_i,
    input  logic [                   20:0] piece_bits_i,
    input  logic                           piece_padding_i,
    input  logic                           piece_ends_row_i,
    input  logic                           piece_last_i,
    output logic                           piece_pop_o,
    output logic                           busy_o,  // with the word that a row's last step left over
    // oldest beat
    input  logic                           beat_valid_i,
    input  logic [bl_pkg::AXI_BYTES*8-1:0] beat_data_i,
    output logic                           beat_pop_o,
    // a local word, the bytes of it that are padding, and whether it ends its row, the last row
    output logic                           word_valid_o,
    output logic [   bl_pkg::LANES*32-1:0] word_data_o,
    output logic [  bl_pkg::AXI_BYTES-1:0] word_padding_o,
    output logic                           word_ends_row_o,
    output logic                           word_last_o
);

  localparam int Bytes = bl_pkg::AXI_BYTES;
  localparam int Bits = Bytes * 8;
  localparam int BitW = $clog2(Bits);
  localparam int WordBits = bl_pkg::LANES * 32;  // of VIN: a beat or two
  localparam int WordW = $clog2(WordBits);

  logic [2:0] growth;  // log2 of local bits per memory bit
  logic [BitW:0] step_bits;
  logic [WordW:0] capacity;
  assign growth = local_shift_i - memory_shift_i;
  assign capacity = vin_i ? (WordW+1)'(WordBits) : (WordW+1)'(Bits);
  always_comb begin
    step_bits = (BitW+1)'(capacity >> growth);
    if (capacity >> growth > (WordW+1)'(Bits)) step_bits = (BitW+1)'(Bits);
  end

  // --- a step of the piece --------------------------------------------------------------------------------------------
  logic begun_q, step, ends_piece;
  logic [BitW-1:0] pos_q, pos;
  logic [20:0] left_q, left;
  logic [BitW:0] room, taken, pos_after;
  assign pos = begun_q ? pos_q : (piece_padding_i ? '0 : piece_offset_i);
  assign left = begun_q ? left_q : piece_bits_i;
  assign room = step_bits - ({1'b0, pos} & (step_bits - 1'b1));
  assign ends_piece = (left <= 21'(room));
  assign taken = ends_piece ? left[BitW:0] : room;
  assign pos_after = {1'b0, pos} + taken;
  assign piece_pop_o = step && ends_piece;
  assign busy_o = flush_q;
  assign beat_pop_o = step && !piece_padding_i && (ends_piece || pos_after[BitW]);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      begun_q <= 1'b0;
    end else if (step) begin
      begun_q <= !ends_piece;
    end
  end
  always_ff @(posedge clk_i) begin
    if (step) begin
      pos_q  <= pos_after[BitW-1:0];
      left_q <= left - 21'(taken);
    end
  end

  // --- its elements, expanded; garbage beyond them ----------------------------------------------------------------------
  logic [Bits-1:0] cut;
  logic [WordBits-1:0] wide;
  assign cut = piece_padding_i ? '0 : beat_data_i >> pos;
  logic sign;  // of each element; expanded bits are its copies
  assign sign = (expand_i != bl_pkg::EXPAND_UNSIGNED);
  always_comb begin
    wide = WordBits'(cut);
    if (piece_padding_i) begin
      for (int i = 0; i < bl_pkg::LANES; i++) wide[i*32+31] = padding_min_i;
    end else begin
      case ({memory_shift_i, local_shift_i})
        {3'd0, 3'd2}: begin
          for (int i = 0; i < Bits / 4; i++) begin
            wide[i*4+:4] = (expand_i == bl_pkg::EXPAND_PLUS_MINUS) ? {{3{!cut[i]}}, cut[i]} | 4'd1 :
                {{3{cut[i] && sign}}, cut[i]};
          end
        end
        {3'd0, 3'd3}: begin
          for (int i = 0; i < Bits / 8; i++) begin
            wide[i*8+:8] = (expand_i == bl_pkg::EXPAND_PLUS_MINUS) ? {{7{!cut[i]}}, 1'b1} : {{7{cut[i] && sign}}, cut[i]};
          end
        end
        {3'd0, 3'd5}: begin
          for (int i = 0; i < bl_pkg::LANES; i++) begin
            wide[i*32+:32] = (expand_i == bl_pkg::EXPAND_PLUS_MINUS) ? {{31{!cut[i]}}, 1'b1} :
                {{31{cut[i] && sign}}, cut[i]};
          end
        end
        {3'd2, 3'd3}: begin
          for (int i = 0; i < Bits / 8; i++) wide[i*8+:8] = {{4{cut[i*4+3] && sign}}, cut[i*4+:4]};
        end
        {3'd2, 3'd5}: begin
          for (int i = 0; i < bl_pkg::LANES; i++) wide[i*32+:32] = {{28{cut[i*4+3] && sign}}, cut[i*4+:4]};
        end
        {3'd3, 3'd5}: begin
          for (int i = 0; i < bl_pkg::LANES; i++) wide[i*32+:32] = {{24{cut[i*8+7] && sign}}, cut[i*8+:8]};
        end
        {3'd4, 3'd5}: begin
          for (int i = 0; i < bl_pkg::LANES; i++) wide[i*32+:32] = {{16{cut[i*16+15] && sign}}, cut[i*16+:16]};
        end
        default: ;
      endcase
    end
  end

  // --- appended to the word ---------------------------------------------------------------------------------------------
  logic flush_q, flush_last_q, ends_row, full;
  logic [WordW-1:0] fill_q, rest;    // bits that the word has; that it has after the step
  logic [WordBits-1:0] word_q;
  logic [Bytes-1:0] padding_q;
  logic [WordW:0] added, total;
  logic [WordBits-1:0] added_data;
  logic [Bytes-1:0] added_padding;
  logic [2*WordBits-1:0] window;
  logic [2*Bytes-1:0] padding_window;
  assign step = piece_valid_i && !flush_q && (piece_padding_i || beat_valid_i);
  assign added = (WordW+1)'(taken) << growth;
  assign total = {1'b0, fill_q} + added;  // below twice the capacity: the word is never full before a step
  assign full = total >= capacity;
  assign rest = WordW'(full ? total - capacity : total);
  assign ends_row = ends_piece && piece_ends_row_i;
  assign added_data = wide & ~({WordBits{1'b1}} << added);
  assign added_padding = piece_padding_i ? ~({Bytes{1'b1}} << (added >> 3)) : '0;
  always_comb begin
    window = {{WordBits{1'b0}}, word_q};
    padding_window = {{Bytes{1'b0}}, padding_q};
    if (step) begin
      window = window | ({{WordBits{1'b0}}, added_data} << fill_q);
      padding_window = padding_window | ({{Bytes{1'b0}}, added_padding} << (fill_q >> 3));
    end
  end
  assign word_valid_o = flush_q || (step && (full || ends_row));
  assign word_data_o = window[WordBits-1:0];
  assign word_padding_o = padding_window[Bytes-1:0];
  assign word_ends_row_o = flush_q || (ends_row && !(full && rest != '0));
  assign word_last_o = flush_q ? flush_last_q : (word_ends_row_o && piece_last_i);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      flush_q <= 1'b0;
      fill_q <= '0;
      word_q <= '0;
      padding_q <= '0;
    end else if (flush_q) begin
      flush_q <= 1'b0;
      fill_q <= '0;
      word_q <= '0;
      padding_q <= '0;
    end else if (step) begin
      flush_q <= ends_row && !word_ends_row_o;
      fill_q <= word_ends_row_o ? '0 : rest;
      word_q <= word_ends_row_o ? '0 : !full ? window[WordBits-1:0] :
          vin_i ? window[2*WordBits-1:WordBits] : WordBits'(window[2*Bits-1:Bits]);
      padding_q <= word_ends_row_o ? '0 : full ? padding_window[2*Bytes-1:Bytes] : padding_window[Bytes-1:0];
    end
  end
  always_ff @(posedge clk_i) begin
    if (step) flush_last_q <= piece_last_i;
  end

endmodule
