// The integer and conversion operations of SCALAR (N11.7, N13.1, N19.1, N23.6, N24.1, N24.4, docs/commands.md), combinational. Anything else: zero.
module bl_scalar_int (
    input  logic [ 5:0] op_i,
    input  logic        keep_i,       // SCALAR_KEEP
    input  logic [15:0] immediate_i,
    input  logic [31:0] a_i,
    input  logic [31:0] a_high_i,
    input  logic [31:0] b_i,
    input  logic [31:0] c_i,
    output logic [31:0] result_o,
    output logic        saturated_o
);

  // Order of reals: exponent and mantissa as one number, then the sign.
  logic [23:0] key_a, key_b;
  logic less;  // a < b
  assign key_a = (a_i[15:0] == 16'd0) ? 24'd0 : {8'd127 - a_i[23:16], a_i[15:0]};
  assign key_b = (b_i[15:0] == 16'd0) ? 24'd0 : {8'd127 - b_i[23:16], b_i[15:0]};
  always_comb begin
    if (a_i[31] != b_i[31]) less = a_i[31];
    else less = a_i[31] ? key_a > key_b : key_a < key_b;
  end

  // TO_INT
  logic signed [17:0] exponent;
  logic signed [18:0] mantissa, rounded;
  logic [30:0] magnitude;
  logic [17:0] right;
  logic [31:0] integer_value;
  logic too_large;
  always_comb begin
    exponent = 18'($signed(immediate_i)) - 18'($signed(a_i[23:16]));
    right = $unsigned(-exponent);
    mantissa = a_i[31] ? -$signed({3'd0, a_i[15:0]}) : $signed({3'd0, a_i[15:0]});
    rounded = '0;
    magnitude = '0;
    too_large = 1'b0;
    if (a_i[15:0] == 16'd0 || exponent < -18'sd17) integer_value = 32'd0;
    else if (exponent < 18'sd0) begin
      rounded = (mantissa + $signed(19'd1 << (right[4:0] - 5'd1))) >>> right[4:0];
      integer_value = 32'(rounded);
    end else begin
      too_large = exponent > 18'sd15;
      magnitude = too_large ? 31'h7fff_ffff : {15'd0, a_i[15:0]} << exponent[3:0];
      integer_value = a_i[31] ? -{1'b0, magnitude} : {1'b0, magnitude};
    end
  end

  // TO_SCALE; with SCALAR_KEEP up to a power of two, where the range allows
  logic [31:0] scale;
  logic [5:0] scale_shift;
  always_comb begin
    if (a_i[31] || a_i[15:0] == 16'd0) scale = bl_pkg::SCALE_ONE;
    else if (a_i[23]) scale = 32'h0000_ffff;
    else if (a_i[22]) scale = 32'h003f_8000;
    else scale = a_i;
    scale_shift = scale[21:16];
    if (scale[14:0] != 15'd0 && scale_shift != 6'd0) scale_shift = scale_shift - 6'd1;
    if (keep_i) scale = {10'd0, scale_shift, 16'h8000};
  end

  // EXP2
  logic signed [17:0] power, shift, by;
  logic [31:0] exp2;
  always_comb begin
    by = 18'($signed(a_i[15:0]));
    if (keep_i) by = -by;
    power = 18'($signed(immediate_i)) + by;
    shift = 18'sd15 - power;
    exp2 = {8'd0, shift[7:0], 16'h8000};
    if (shift > 18'sd127) exp2 = 32'd0;
    if (shift < -18'sd128) exp2 = 32'h0080_ffff;
  end

  // Position of the highest bit of A and of A - 1.
  logic [4:0] top, top_less;
  logic [31:0] a_less;
  assign a_less = a_i - 32'd1;
  always_comb begin
    top = 5'd0;
    top_less = 5'd0;
    for (int i = 0; i < 32; i++) begin
      if (a_i[i]) top = 5'(i);
      if (a_less[i]) top_less = 5'(i);
    end
  end

  // TOP: up to 16 significant bits, or up to a power of two.
  logic [31:0] cut, top_value;
  logic [4:0] drop;
  always_comb begin
    drop = (top > 5'd15) ? top - 5'd15 : 5'd0;
    cut = (a_i >> drop) << drop;
    top_value = (cut == a_i) ? a_i : cut + (32'd1 << drop);
    if (keep_i) top_value = (a_i == (32'd1 << top)) ? a_i : 32'd2 << top;
    if (a_i == 32'd0) top_value = 32'd1;
  end

  // MAX_TO_POWER
  logic [15:0] bits_less, length;
  assign bits_less = immediate_i - 16'd1;
  assign length = (a_i <= 32'd1) ? 16'd0 : 16'(top_less) + 16'd1;

  // LEVEL: how many thresholds rho = n * 65536 / A exceeds, upwards and (12 % lower) downwards.
  logic [73:0] sum, ratio;
  logic [1:0] above, kept, level;
  assign sum = {10'd0, a_high_i, a_i};
  assign ratio = 74'(c_i) * 74'd655360;
  always_comb begin
    above = 2'(ratio > sum * 74'd162) + 2'(ratio > sum * 74'd365) + 2'(ratio > sum * 74'd758);
    kept = 2'(ratio > sum * 74'd143) + 2'(ratio > sum * 74'd321) + 2'(ratio > sum * 74'd667);
    level = b_i[1:0];
    if (above > level) level = above;
    else if (kept < level) level = kept;
    if (level > immediate_i[5:4]) level = immediate_i[5:4];
    if (level < immediate_i[1:0]) level = immediate_i[1:0];
  end

  always_comb begin
    saturated_o = 1'b0;
    case (op_i)
      bl_pkg::SCALAR_RMAX: result_o = less ? b_i : a_i;
      bl_pkg::SCALAR_RMIN: result_o = (less || a_i == b_i) ? a_i : b_i;
      bl_pkg::SCALAR_TO_INT: begin
        result_o = integer_value;
        saturated_o = too_large && a_i[15:0] != 16'd0;
      end
      bl_pkg::SCALAR_TO_SCALE: begin
        saturated_o = !a_i[31] && a_i[15:0] != 16'd0 && a_i[23:22] != 2'd0;
        result_o = scale;
      end
      bl_pkg::SCALAR_SHIFT_OF: result_o = (top > 5'd14) ? {27'd0, top} - 32'd14 : 32'd0;
      bl_pkg::SCALAR_EXP2: result_o = exp2;
      bl_pkg::SCALAR_TOP: result_o = top_value;
      bl_pkg::SCALAR_MAX_TO_POWER: result_o = (length > bits_less) ? {16'd0, length} - {16'd0, bits_less} : 32'd0;
      bl_pkg::SCALAR_LEVEL: result_o = {30'd0, level};
      bl_pkg::SCALAR_ISUB: result_o = a_i - b_i;
      bl_pkg::SCALAR_IMAX: result_o = ($signed(a_i) < $signed(b_i)) ? b_i : a_i;
      bl_pkg::SCALAR_RKEEP: result_o = (a_i != 32'd0) ? b_i : 32'd0;
      default: result_o = 32'd0;
    endcase
  end

  logic unused_bits;
  assign unused_bits = ^{shift, right, rounded, b_i, c_i, exponent};

endmodule
