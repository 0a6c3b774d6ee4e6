// Which beats of memory the line buffer holds, a window that ends with the last one asked for, and what a piece still
// asks for. Pieces come in order. Beats are counted from address 0 on.
module bl_line_window #(
    parameter int Beats = 16,   // of the buffer: 0, or a power of two from 2 on
    parameter int AddrW = 61
) (
    input  logic             clk_i,
    input  logic             rst_ni,
    input  logic             clear_i,   // nothing is held
    input  logic             lines_i,   // the LOAD goes by the line buffer
    // a piece that is no padding
    input  logic             take_i,
    input  logic [AddrW-1:0] first_i,   // its first beat
    input  logic [     16:0] beats_i,   // that it touches
    output logic             serves_o,  // the buffer has room for it
    // what it asks for, up to its last beat
    output logic [AddrW-1:0] ask_o,
    output logic [     16:0] asked_o
);

  if (Beats == 0) begin : g_none
    logic unused;
    assign unused = ^{clk_i, rst_ni, clear_i, lines_i, take_i};
    assign serves_o = 1'b0;
    assign ask_o = first_i;
    assign asked_o = beats_i;
  end else begin : g_window
    logic holds_q;
    logic [AddrW-1:0] first_q, end_q;  // of the beats that are held, and behind them
    logic [AddrW-1:0] behind, low;     // behind the piece; where the window begins but for its size
    logic follows, hit;
    assign behind = first_i + AddrW'(beats_i);
    assign serves_o = lines_i && (beats_i <= 17'(Beats));
    assign follows = serves_o && holds_q && (first_q <= first_i) && (behind <= end_q + AddrW'(Beats));
    assign hit = follows && (behind <= end_q);
    assign ask_o = follows ? end_q : first_i;
    assign asked_o = hit ? 17'd0 : follows ? 17'(behind - end_q) : beats_i;
    assign low = follows ? first_q : first_i;
    always_ff @(posedge clk_i) begin
      if (!rst_ni || clear_i) holds_q <= 1'b0;
      else if (take_i && serves_o) holds_q <= 1'b1;
    end
    always_ff @(posedge clk_i) begin
      if (take_i && serves_o && !hit) begin
        end_q <= behind;
        first_q <= (behind - low > AddrW'(Beats)) ? behind - AddrW'(Beats) : low;
      end
    end
  end

endmodule
