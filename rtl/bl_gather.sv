// Turns a transfer into pieces, in order: a piece is a run of neighbouring bits of one row in DRAM, or a run of padding.
// A transfer that is not shaped has one piece a row. A shaped one walks rows x taps of a descriptor, in a cycle one tap
// or all alike that follow each other on a line of the kernel and in memory; taps that are neighbours in memory, or
// padding both, become one piece. Three stages: walk, address, piece.
//
// Because row0 and col0 of a shaped command are 0, as in its execution before, or advanced since then, the walk starts
// at 0, where the command's last execution began or where it ended: nothing is divided. The commands of a group have
// different INDEX[1:0], by which these places are kept.
module bl_gather #(
    parameter bit Taps = 1'b1  // 0: only rows, as STORE needs them
) (
    input  logic         clk_i,
    input  logic         rst_ni,
    // a LOAD_SHAPE or STORE_SHAPE of this cycle
    input  logic         shape_i,
    // a LOAD or STORE of at least one element; start_i in its first cycle
    input  logic         start_i,
    input  logic [511:0] exec_cmd_i,
    input  logic [ 63:0] exec_addr_i,
    input  logic [ 15:0] exec_rows_i,
    input  logic [ 15:0] exec_cols_i,
    input  logic [ 31:0] exec_row0_i,
    input  logic [ 31:0] exec_col0_i,
    input  logic [ 31:0] exec_i1_i,
    input  logic [ 15:0] exec_i2_i,
    // the oldest piece
    output logic         piece_valid_o,
    output logic [ 66:0] piece_addr_o,      // of its first bit
    output logic [ 20:0] piece_bits_o,      // in memory, also of padding
    output logic         piece_padding_o,
    output logic         piece_ends_row_o,
    output logic         piece_last_o,
    input  logic         piece_ready_i
);

  // --- descriptors ----------------------------------------------------------------------------------------------------
  logic [287:0] shape_q [bl_pkg::SHAPE_SLOTS];
  logic [511:0] shape;
  logic [287:0] shape_words;
  logic shaped, tap_loop;

  always_ff @(posedge clk_i) begin
    if (shape_i) shape_q[exec_cmd_i[bl_pkg::F_SLOT_LSB+:2]] <= {exec_cmd_i[511:384], exec_cmd_i[319:160]};
  end
  assign shape_words = shape_q[exec_cmd_i[bl_pkg::F_SHAPE_LSB+:2]];
  assign shape = {shape_words[287:160], 64'd0, shape_words[159:0], 160'd0};
  assign shaped = exec_cmd_i[bl_pkg::F_SHAPED_LSB];
  assign tap_loop = Taps && exec_cmd_i[bl_pkg::F_TAP_LOOP_LSB];

  // Element i of a row starts at bit i << element_shift.
  logic [2:0] element_shift;
  always_comb begin
    case (exec_cmd_i[bl_pkg::F_MEMORY_BITS_LSB+:3])
      bl_pkg::WIDTH_BITS1: element_shift = 3'd0;
      bl_pkg::WIDTH_BITS4: element_shift = 3'd2;
      bl_pkg::WIDTH_BITS8: element_shift = 3'd3;
      bl_pkg::WIDTH_BITS16: element_shift = 3'd4;
      default: element_shift = 3'd5;
    endcase
  end

  // --- where the walk starts ------------------------------------------------------------------------------------------
  // By slot: row0 of the last execution, the places where its rows began and ended; columns likewise.
  logic [31:0] row0_q [4], col0_q [4];
  logic [63:0] row_begin_q [4], row_end_q [4];  // image offset, y, x
  logic [47:0] col_begin_q [4], col_end_q [4];  // element of the segment, ty, tx
  logic [1:0] slot;
  logic [63:0] row_begin;
  logic [47:0] col_begin;
  assign slot = exec_cmd_i[bl_pkg::F_INDEX_LSB+:2];
  always_comb begin
    row_begin = (exec_row0_i == row0_q[slot]) ? row_begin_q[slot] : row_end_q[slot];
    if (!shaped || exec_row0_i == 32'd0) row_begin = 64'd0;
    col_begin = (exec_col0_i == col0_q[slot]) ? col_begin_q[slot] : col_end_q[slot];
    if (exec_col0_i == 32'd0) col_begin = 48'd0;
    if (!Taps || !shaped) col_begin = {exec_col0_i, 16'd0};
    else if (tap_loop) col_begin = {exec_col0_i, exec_i1_i[7:0], exec_i2_i[7:0]};
  end

  // --- walk -----------------------------------------------------------------------------------------------------------
  logic walk_q, walk_move, ends_row, last;
  logic [15:0] rows_left_q, left_q, take;
  logic [63:0] row_q, row_next;
  logic [47:0] row_col_q, col_q, col_next;  // columns of the row's start, and now
  logic [31:0] segment_left;

  // Source line and column of the tap.
  logic [31:0] sx, sy, tap_x, tap_y;
  logic in_image, line_in_image;
  assign tap_x = {{24{shape[bl_pkg::F_TAP_X_LSB+7]}}, shape[bl_pkg::F_TAP_X_LSB+:8]};
  assign tap_y = {{24{shape[bl_pkg::F_TAP_Y_LSB+7]}}, shape[bl_pkg::F_TAP_Y_LSB+:8]};
  always_comb begin
    sx = 32'd0;
    sy = 32'd0;
    in_image = 1'b1;
    line_in_image = 1'b1;
    if (shaped) begin
      sx = {16'd0, row_q[15:0]} * {28'd0, shape[bl_pkg::F_SCALE_X_LSB+:4]} +
          {{16{shape[bl_pkg::F_OFFSET_X_LSB+15]}}, shape[bl_pkg::F_OFFSET_X_LSB+:16]};
      sy = {16'd0, row_q[31:16]} * {28'd0, shape[bl_pkg::F_SCALE_Y_LSB+:4]} +
          {{16{shape[bl_pkg::F_OFFSET_Y_LSB+15]}}, shape[bl_pkg::F_OFFSET_Y_LSB+:16]};
      if (Taps) begin
        sx = sx + {24'd0, col_q[7:0]} * tap_x;
        sy = sy + {24'd0, col_q[15:8]} * tap_y;
        line_in_image = (sy < {16'd0, shape[bl_pkg::F_LIMIT_Y_LSB+:16]});
        in_image = line_in_image && (sx < {16'd0, shape[bl_pkg::F_LIMIT_X_LSB+:16]});
      end
    end
  end

  // Taps that a cycle walks: all up to the end of the kernel's line that are alike, inside the image or outside, where
  // they follow each other in memory and the transfer takes the last of them whole; else one.
  logic line_follows, whole;
  logic [31:0] line_left, alike;
  logic [7:0] walked;
  assign line_follows = Taps && shaped && !tap_loop && (shape[bl_pkg::F_TAP_X_LSB+:8] == 8'd1) &&
      (shape[bl_pkg::F_SEGMENT_BASE_LSB+:16] == 16'd0) &&
      ((35'(shape[bl_pkg::F_SEGMENT_LSB+:16]) << element_shift) == {shape[bl_pkg::F_PIXEL_PITCH_LSB+:32], 3'd0});
  assign line_left = {24'd0, shape[bl_pkg::F_TAPS_X_LSB+:8]} - {24'd0, col_q[7:0]};
  always_comb begin
    alike = line_left;
    if (line_in_image && sx[31]) alike = 32'd0 - sx;
    else if (line_in_image && in_image) alike = {16'd0, shape[bl_pkg::F_LIMIT_X_LSB+:16]} - sx;
    if (alike > line_left) alike = line_left;
    whole = line_follows && ({16'd0, left_q} >= alike * {16'd0, shape[bl_pkg::F_SEGMENT_LSB+:16]} - col_q[47:16]);
    walked = whole ? alike[7:0] : 8'd1;
  end

  // The next place of the columns, `take` elements on.
  always_comb begin
    segment_left = {24'd0, walked} * {16'd0, shape[bl_pkg::F_SEGMENT_LSB+:16]} - col_q[47:16];
    take = left_q;
    if (Taps && shaped && segment_left != 32'd0 && {16'd0, left_q} > segment_left) take = segment_left[15:0];
    ends_row = (take == left_q);
    last = ends_row && (rows_left_q == 16'd1);
    col_next = {col_q[47:16] + {16'd0, take}, col_q[15:0]};
    if ({16'd0, take} == segment_left && !tap_loop) begin
      col_next[47:16] = 32'd0;
      col_next[7:0] = col_q[7:0] + walked;
      if (col_next[7:0] == shape[bl_pkg::F_TAPS_X_LSB+:8]) begin
        col_next[7:0]  = 8'd0;
        col_next[15:8] = col_q[15:8] + 8'd1;
      end
    end
  end
  // The next row's place.
  always_comb begin
    row_next = row_q;
    if (shaped) begin
      row_next[15:0] = row_q[15:0] + 16'd1;
      if (row_next[15:0] == shape[bl_pkg::F_EXTENT_X_LSB+:16]) begin
        row_next[15:0]  = 16'd0;
        row_next[31:16] = row_q[31:16] + 16'd1;
        if (row_next[31:16] == shape[bl_pkg::F_EXTENT_Y_LSB+:16]) begin
          row_next[31:16] = 16'd0;
          row_next[63:32] = row_q[63:32] + shape[bl_pkg::F_IMAGE_PITCH_LSB+:32];
        end
      end
    end else begin
      row_next[63:32] = row_q[63:32] + exec_cmd_i[bl_pkg::F_PITCH_LSB+:32];
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) walk_q <= 1'b0;
    else if (start_i) walk_q <= 1'b1;
    else if (walk_move && last) walk_q <= 1'b0;
  end
  always_ff @(posedge clk_i) begin
    if (start_i) begin
      rows_left_q <= exec_rows_i;
      left_q <= exec_cols_i;
      row_q <= row_begin;
      col_q <= col_begin;
      row_col_q <= col_begin;
    end else if (walk_move) begin
      left_q <= ends_row ? exec_cols_i : left_q - take;
      col_q  <= ends_row ? row_col_q : col_next;
      if (ends_row) begin
        rows_left_q <= rows_left_q - 16'd1;
        row_q <= row_next;
      end
    end
  end
  logic row_done;
  assign row_done = walk_move && ends_row;
  always_ff @(posedge clk_i) begin
    if (start_i) begin
      row0_q[slot] <= exec_row0_i;
      col0_q[slot] <= exec_col0_i;
      row_begin_q[slot] <= row_begin;
      col_begin_q[slot] <= col_begin;
    end
  end
  always_ff @(posedge clk_i) begin
    if (row_done) begin
      row_end_q[slot] <= row_next;
      col_end_q[slot] <= col_next;
    end
  end

  // --- the taps walked in the cycle before ---------------------------------------------------------------------------------
  logic tap_q, tap_move, tap_padding_q, tap_ends_row_q, tap_last_q;
  logic [31:0] tap_x_q, tap_y_q, tap_image_q, tap_element_q;
  logic [15:0] tap_take_q;
  assign walk_move = walk_q && (!tap_q || tap_move);
  always_ff @(posedge clk_i) begin
    if (!rst_ni) tap_q <= 1'b0;
    else if (walk_move) tap_q <= 1'b1;
    else if (tap_move) tap_q <= 1'b0;
  end
  always_ff @(posedge clk_i) begin
    if (walk_move) begin
      tap_padding_q <= !in_image;
      tap_ends_row_q <= ends_row;
      tap_last_q <= last;
      tap_x_q <= sx;
      tap_y_q <= sy;
      tap_image_q <= row_q[63:32];
      tap_element_q <= col_q[47:16] + ((Taps && shaped) ? {16'd0, shape[bl_pkg::F_SEGMENT_BASE_LSB+:16]} : 32'd0);
      tap_take_q <= take;
    end
  end

  // --- address, and neighbours become one piece ---------------------------------------------------------------------------
  logic [33:0] offset;  // of the pixel in its tensor; below 0 where a STORE's OFFSET is
  logic [63:0] pixel;
  logic [66:0] addr;
  logic [20:0] bits;
  logic piece_q, padding_q, ends_row_q, last_q, joins, leaves;
  logic [66:0] addr_q;
  logic [20:0] bits_q;

  assign offset = {2'd0, tap_image_q} +
      {{2{tap_y_q[31]}}, tap_y_q} * {2'd0, shape[bl_pkg::F_LINE_PITCH_LSB+:32]} +
      {{2{tap_x_q[31]}}, tap_x_q} * {2'd0, shape[bl_pkg::F_PIXEL_PITCH_LSB+:32]};
  assign pixel = exec_addr_i + {{30{offset[33]}}, offset};
  assign addr = {pixel, 3'd0} + (67'(tap_element_q) << element_shift);
  assign bits = 21'(tap_take_q) << element_shift;
  assign joins = tap_q && piece_q && !ends_row_q && (tap_padding_q == padding_q) &&
      (padding_q || addr == addr_q + 67'(bits_q));
  assign piece_valid_o = piece_q && (ends_row_q || (tap_q && !joins));
  assign leaves = piece_valid_o && piece_ready_i;
  assign tap_move = tap_q && (!piece_q || joins || leaves);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) piece_q <= 1'b0;
    else if (tap_move) piece_q <= 1'b1;
    else if (leaves) piece_q <= 1'b0;
  end
  always_ff @(posedge clk_i) begin
    if (tap_move) begin
      bits_q <= joins ? bits_q + bits : bits;
      ends_row_q <= tap_ends_row_q;
      last_q <= tap_last_q;
      if (!joins) begin
        padding_q <= tap_padding_q;
        addr_q <= addr;
      end
    end
  end
  assign piece_addr_o = addr_q;
  assign piece_bits_o = bits_q;
  assign piece_padding_o = padding_q;
  assign piece_ends_row_o = ends_row_q;
  assign piece_last_o = last_q;

  logic unused;
  assign unused = ^{exec_cmd_i, exec_i1_i, exec_i2_i, shape};

endmodule
