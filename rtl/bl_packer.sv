// The data side of LOAD: cuts the bits of each piece out of the beats, expands the elements to their local width and
// appends them into local words. A step takes what a whole local word has room for, at most to the next multiple of
// that in the beat: without expansion a beat a cycle, with an expansion by f a beat in f. A row ends with its last word.
module bl_packer (
    input  logic                           clk_i,
    input  logic                           rst_ni,
    // of the LOAD: widths as log2 of bits
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
    // oldest beat
    input  logic                           beat_valid_i,
    input  logic [bl_pkg::AXI_BYTES*8-1:0] beat_data_i,
    output logic                           beat_pop_o,
    // a local word, the bytes of it that are padding, and whether it ends its row, the last row
    output logic                           word_valid_o,
    output logic [bl_pkg::AXI_BYTES*8-1:0] word_data_o,
    output logic [  bl_pkg::AXI_BYTES-1:0] word_padding_o,
    output logic                           word_ends_row_o,
    output logic                           word_last_o
);

  localparam int Bytes = bl_pkg::AXI_BYTES;
  localparam int Bits = Bytes * 8;
  localparam int BitW = $clog2(Bits);

  logic [2:0] growth;  // log2 of local bits per memory bit
  logic [BitW:0] step_bits;
  assign growth = local_shift_i - memory_shift_i;
  assign step_bits = (BitW+1)'(Bits) >> growth;

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
  logic [Bits-1:0] cut, wide;
  always_comb begin
    cut = '0;
    if (piece_padding_i) begin
      for (int i = 0; i < Bits / 32; i++) cut[i*32+31] = padding_min_i;
    end else begin
      cut = beat_data_i >> pos;
    end
  end
  logic sign;  // of each element; expanded bits are its copies
  assign sign = (expand_i != bl_pkg::EXPAND_UNSIGNED);
  always_comb begin
    wide = cut;
    if (!piece_padding_i) begin
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
          for (int i = 0; i < Bits / 32; i++) begin
            wide[i*32+:32] = (expand_i == bl_pkg::EXPAND_PLUS_MINUS) ? {{31{!cut[i]}}, 1'b1} :
                {{31{cut[i] && sign}}, cut[i]};
          end
        end
        {3'd2, 3'd3}: begin
          for (int i = 0; i < Bits / 8; i++) wide[i*8+:8] = {{4{cut[i*4+3] && sign}}, cut[i*4+:4]};
        end
        {3'd2, 3'd5}: begin
          for (int i = 0; i < Bits / 32; i++) wide[i*32+:32] = {{28{cut[i*4+3] && sign}}, cut[i*4+:4]};
        end
        {3'd3, 3'd5}: begin
          for (int i = 0; i < Bits / 32; i++) wide[i*32+:32] = {{24{cut[i*8+7] && sign}}, cut[i*8+:8]};
        end
        {3'd4, 3'd5}: begin
          for (int i = 0; i < Bits / 32; i++) wide[i*32+:32] = {{16{cut[i*16+15] && sign}}, cut[i*16+:16]};
        end
        default: ;
      endcase
    end
  end

  // --- appended to the word ---------------------------------------------------------------------------------------------
  logic flush_q, flush_last_q, ends_row, full;
  logic [BitW-1:0] fill_q;           // bits that the word has
  logic [Bits-1:0] word_q;
  logic [Bytes-1:0] padding_q;
  logic [BitW:0] added, total;
  logic [Bits-1:0] added_data;
  logic [Bytes-1:0] added_padding;
  logic [2*Bits-1:0] window;
  logic [2*Bytes-1:0] padding_window;
  assign step = piece_valid_i && !flush_q && (piece_padding_i || beat_valid_i);
  assign added = taken << growth;
  assign total = {1'b0, fill_q} + added;  // below 2 * Bits: the word is never full before a step
  assign full = total[BitW];
  assign ends_row = ends_piece && piece_ends_row_i;
  assign added_data = wide & ~({Bits{1'b1}} << added);
  assign added_padding = piece_padding_i ? ~({Bytes{1'b1}} << (added >> 3)) : '0;
  always_comb begin
    window = {{Bits{1'b0}}, word_q};
    padding_window = {{Bytes{1'b0}}, padding_q};
    if (step) begin
      window = window | ({{Bits{1'b0}}, added_data} << fill_q);
      padding_window = padding_window | ({{Bytes{1'b0}}, added_padding} << (fill_q >> 3));
    end
  end
  assign word_valid_o = flush_q || (step && (full || ends_row));
  assign word_data_o = window[Bits-1:0];
  assign word_padding_o = padding_window[Bytes-1:0];
  assign word_ends_row_o = flush_q || (ends_row && !(full && total[BitW-1:0] != '0));
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
      fill_q <= word_ends_row_o ? '0 : total[BitW-1:0];
      word_q <= word_ends_row_o ? '0 : full ? window[2*Bits-1:Bits] : window[Bits-1:0];
      padding_q <= word_ends_row_o ? '0 : full ? padding_window[2*Bytes-1:Bytes] : padding_window[Bytes-1:0];
    end
  end
  always_ff @(posedge clk_i) begin
    if (step) flush_last_q <= piece_last_i;
  end

endmodule
