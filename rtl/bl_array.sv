// The R x C array of multiply-accumulate cells, output-stationary: in every enabled cycle row r's byte meets column c's byte in
// cell (r, c). A byte is one code of 8 bits, two of 4 bits (low nibble first) whose products are summed, or eight signs.
// A logarithmic nibble (sign, e) stands for +-2^(e-1), 0 for e = 0: its product is a shift. 32-bit accumulators.
// A second set of sums, which a shift register hands out row by row, leaves the cells free for the next products.
module bl_array (
    input  logic                         clk_i,
    input  logic                         mac_i,
    input  logic                         first_i,    // start new sums
    input  logic [                  1:0] mode_i,
    input  logic [                  1:0] a_kind_i,
    input  logic [                  1:0] b_kind_i,
    input  logic [   bl_pkg::ROWS*8-1:0] a_i,
    input  logic [     bl_pkg::ROWS-1:0] present_i,  // XNOR: a's byte is not padding
    input  logic [   bl_pkg::COLS*8-1:0] b_i,
    input  logic                         take_i,     // copy the sums; row 0 is at row_o in the next cycle
    input  logic                         next_i,     // in the next cycle the row after this one is
    output logic [  bl_pkg::COLS*32-1:0] row_o
);

  localparam int Rows = bl_pkg::ROWS;
  localparam int Cols = bl_pkg::COLS;
  // How cells multiply.
  localparam logic [2:0] Mac8 = 3'd0, Mac4 = 3'd1, LogA = 3'd2, LogB = 3'd3, Xnor = 3'd4;

  logic [2:0] how;
  always_comb begin
    case (mode_i)
      bl_pkg::MODE_MAC8: how = Mac8;
      bl_pkg::MODE_XNOR: how = Xnor;
      default: begin
        how = Mac4;
        if (a_kind_i == bl_pkg::KIND_LOG) how = LogA;
        if (b_kind_i == bl_pkg::KIND_LOG) how = LogB;
      end
    endcase
  end

  // The operands' extra bit is a sign where they are signed: products then need not know.
  logic a_signed, b_signed;
  logic [Rows*9-1:0] a8;
  logic [Rows*10-1:0] a4;
  logic [Cols*9-1:0] b8;
  logic [Cols*10-1:0] b4;
  assign a_signed = (a_kind_i != bl_pkg::KIND_UNSIGNED);
  assign b_signed = (b_kind_i != bl_pkg::KIND_UNSIGNED);
  always_comb begin
    a8 = '0;
    a4 = '0;
    b8 = '0;
    b4 = '0;
    if (mac_i && how == Mac8) begin
      for (int r = 0; r < Rows; r++) a8[r*9+:9] = {a_signed && a_i[r*8+7], a_i[r*8+:8]};
      for (int c = 0; c < Cols; c++) b8[c*9+:9] = {b_signed && b_i[c*8+7], b_i[c*8+:8]};
    end
    if (mac_i && (how == Mac4 || how == LogA || how == LogB)) begin
      for (int r = 0; r < Rows; r++) begin
        a4[r*10+:10] = {a_signed && a_i[r*8+7], a_i[r*8+4+:4], a_signed && a_i[r*8+3], a_i[r*8+:4]};
      end
      for (int c = 0; c < Cols; c++) begin
        b4[c*10+:10] = {b_signed && b_i[c*8+7], b_i[c*8+4+:4], b_signed && b_i[c*8+3], b_i[c*8+:4]};
      end
    end
  end

  // What a cell adds is signed in a context of its own, and a logarithmic product is cut to its bits: as terms of an unsigned
  // sum all multipliers, adders and negations would have 32 bits.

  // w * +-2^(e-1)
  function automatic logic signed [31:0] shifted(input logic [4:0] w, input logic [3:0] code);
    logic signed [31:0] value, twice;
    value = 32'($signed(w));
    value = 32'(5'(code[3] ? -value : value));
    twice = value <<< code[2:0];
    shifted = (code[2:0] == 3'd0) ? 32'sd0 : twice >>> 1;
  endfunction

  // 8 - 2 * popcount of a byte's difference
  function automatic logic signed [31:0] agreement(input logic [7:0] difference);
    logic [7:0] pairs, nibbles;
    pairs = {1'b0, difference[7], 1'b0, difference[5], 1'b0, difference[3], 1'b0, difference[1]} +
        {1'b0, difference[6], 1'b0, difference[4], 1'b0, difference[2], 1'b0, difference[0]};
    nibbles = {2'd0, pairs[7:6], 2'd0, pairs[3:2]} + {2'd0, pairs[5:4], 2'd0, pairs[1:0]};
    agreement = 32'sd8 - $signed({27'd0, nibbles[7:4] + nibbles[3:0], 1'b0});
  endfunction

  logic [Rows*Cols*32-1:0] sum_q, copy_q;

  // The mode chooses what a cell adds, so that a cell has one adder.
  always_ff @(posedge clk_i) begin : accumulate
    logic [Rows*Cols*32-1:0] addend;
    if (mac_i) begin
      unique case (how)
        Mac8: begin
          for (int r = 0; r < Rows; r++) begin
            for (int c = 0; c < Cols; c++) begin
              addend[(r*Cols+c)*32+:32] = 32'($signed(a8[r*9+:9])) * 32'($signed(b8[c*9+:9]));
            end
          end
        end
        LogA: begin
          for (int r = 0; r < Rows; r++) begin
            for (int c = 0; c < Cols; c++) begin
              addend[(r*Cols+c)*32+:32] =
                  32'(12'(shifted(b4[c*10+:5], a4[r*10+:4]) + shifted(b4[c*10+5+:5], a4[r*10+5+:4])));
            end
          end
        end
        LogB: begin
          for (int r = 0; r < Rows; r++) begin
            for (int c = 0; c < Cols; c++) begin
              addend[(r*Cols+c)*32+:32] =
                  32'(12'(shifted(a4[r*10+:5], b4[c*10+:4]) + shifted(a4[r*10+5+:5], b4[c*10+5+:4])));
            end
          end
        end
        Xnor: begin
          for (int r = 0; r < Rows; r++) begin
            for (int c = 0; c < Cols; c++) begin
              addend[(r*Cols+c)*32+:32] = present_i[r] ? agreement(a_i[r*8+:8] ^ b_i[c*8+:8]) : 32'sd0;
            end
          end
        end
        default: begin
          for (int r = 0; r < Rows; r++) begin
            for (int c = 0; c < Cols; c++) begin
              addend[(r*Cols+c)*32+:32] = 32'($signed(a4[r*10+:5])) * 32'($signed(b4[c*10+:5])) +
                  32'($signed(a4[r*10+5+:5])) * 32'($signed(b4[c*10+5+:5]));
            end
          end
        end
      endcase
      for (int i = 0; i < Rows * Cols; i++) begin
        sum_q[i*32+:32] <= (first_i ? 32'd0 : sum_q[i*32+:32]) + addend[i*32+:32];
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (take_i) copy_q <= sum_q;
    else if (next_i) copy_q <= copy_q >> (Cols * 32);
  end
  assign row_o = copy_q[Cols*32-1:0];

endmodule
