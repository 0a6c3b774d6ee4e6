// The line buffer on LOAD's data side. Beats that the oldest piece asked for move to it, one a cycle, and the piece takes
// its beats from it, where a beat may move in the cycle in which it is taken. A beat's place is its address modulo the
// buffer. The memory is read a cycle ahead, at the place that the next cycle may take.
module bl_line_buffer #(
    parameter int Beats = 16,  // 0, or a power of two from 2 on
    localparam int Bits = bl_pkg::AXI_BYTES * 8,
    localparam int PlaceW = (Beats > 2) ? $clog2(Beats) : 1
) (
    input  logic              clk_i,
    input  logic              rst_ni,
    // oldest piece
    input  logic              valid_i,      // there could be a step
    input  logic              lines_i,      // the buffer serves it
    input  logic [PlaceW-1:0] place_i,      // of its first beat
    input  logic [  PlaceW:0] beats_i,      // that it touches
    input  logic [  PlaceW:0] asked_i,      // of these and those before, up to the last one
    input  logic              beat_pop_i,   // its beat is used up
    input  logic              piece_pop_i,  // it leaves
    input  logic [PlaceW-1:0] next_place_i, // of the piece that is the oldest in the next cycle where this one is not
    // beats from memory
    input  logic              beat_valid_i,
    input  logic [  Bits-1:0] beat_data_i,
    output logic              beat_pop_o,
    // the beat that the piece takes next
    output logic              beat_valid_o,
    output logic [  Bits-1:0] beat_data_o
);

  if (Beats == 0) begin : g_none
    logic unused;
    assign unused = ^{clk_i, rst_ni, valid_i, lines_i, place_i, beats_i, asked_i, piece_pop_i, next_place_i};
    assign beat_pop_o = beat_pop_i;
    assign beat_valid_o = beat_valid_i;
    assign beat_data_o = beat_data_i;
  end else begin : g_buffer
    logic [PlaceW:0] used_q, moved_q;           // beats of the piece that are used up; that it moved
    logic [PlaceW:0] to_use, to_move, to_move_after;
    logic move, moves_its;                      // a beat moves; the one that the piece takes next
    logic [PlaceW-1:0] put, get;
    assign to_use = beats_i - used_q;
    assign to_move = asked_i - moved_q;
    assign move = valid_i && lines_i && beat_valid_i && (to_move != '0);
    assign moves_its = move && (to_move == to_use);
    assign to_move_after = to_move - (PlaceW+1)'(move);
    assign put = place_i + PlaceW'(beats_i - to_move);
    always_ff @(posedge clk_i) begin
      if (!rst_ni || piece_pop_i) begin
        used_q <= '0;
        moved_q <= '0;
      end else begin
        used_q <= used_q + (PlaceW+1)'(beat_pop_i);
        moved_q <= moved_q + (PlaceW+1)'(move);
      end
    end

    // The beat of the next cycle; what moves to its place now is not yet in the memory then.
    logic [Bits-1:0] rdata, moved_data_q, held;
    logic moved_its_q;
    always_comb begin
      get = place_i + PlaceW'(used_q) + PlaceW'(beat_pop_i);
      if (!valid_i || piece_pop_i) get = next_place_i;
    end
    bl_memory #(
        .Words(Beats), .Units(1), .Bits(Bits)
    ) u_memory (
        .clk_i, .we_i(move), .waddr_i(put), .wdata_i(beat_data_i), .re_i(1'b1), .raddr_i(get), .rdata_o(rdata)
    );
    always_ff @(posedge clk_i) begin
      if (!rst_ni) moved_its_q <= 1'b0;
      else moved_its_q <= move && (put == get);
    end
    always_ff @(posedge clk_i) begin
      if (move) moved_data_q <= beat_data_i;
    end
    assign held = moved_its_q ? moved_data_q : rdata;

    assign beat_pop_o = lines_i ? move : beat_pop_i;
    assign beat_valid_o = lines_i ? (to_use > to_move_after) : beat_valid_i;
    assign beat_data_o = (lines_i && !moves_its) ? held : beat_data_i;
  end

endmodule
