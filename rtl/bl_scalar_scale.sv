// The last step of MUL, DIV and MAX_TO_SCALE (N2.2 to N2.4): the mantissa in [2^15, 2^16] and its shift, then N2.1's range; combinational.
module bl_scalar_scale (
    input  logic [ 5:0] op_i,
    input  logic        keep_i,       // SCALAR_KEEP
    input  logic [31:0] a_i,
    input  logic [31:0] b_i,
    input  logic [31:0] c_i,          // the kept scale
    input  logic        a_ge_b_i,     // by mantissas
    input  logic [32:0] product_i,    // MUL: of the mantissas
    input  logic [16:0] divided_i,    // DIV: the rounded quotient
    input  logic [48:0] quotient_i,   // MAX_TO_SCALE: rounded up
    input  logic [ 5:0] zeros_i,      // MAX_TO_SCALE: places that its dividend was shifted by
    output logic [31:0] result_o,
    output logic        saturated_o
);

  logic [5:0] top;
  logic [48:0] rounded;
  logic [16:0] m;
  logic signed [8:0] s, sa, sb, exponent;
  assign sa = $signed({3'd0, a_i[21:16]});
  assign sb = $signed({3'd0, b_i[21:16]});
  always_comb begin
    top = 6'd15;
    for (int i = 16; i < 49; i++) if (quotient_i[i]) top = 6'(i);
    rounded = (quotient_i + (49'd1 << (top - 6'd15)) - 49'd1) >> (top - 6'd15);
    case (op_i)
      bl_pkg::SCALAR_MUL: begin
        m = product_i[31] ? 17'((product_i + 33'h8000) >> 16) : 17'((product_i + 33'h4000) >> 15);
        s = sa + sb - (product_i[31] ? 9'sd16 : 9'sd15);
      end
      bl_pkg::SCALAR_DIV: begin
        m = divided_i;
        s = sa - sb + (a_ge_b_i ? 9'sd15 : 9'sd16);
      end
      default: begin
        m = rounded[16:0];
        s = sb + $signed({3'd0, zeros_i}) - $signed({3'd0, top}) + 9'sd15;
      end
    endcase
    exponent = m[16] ? s - 9'sd1 : s;
    saturated_o = 1'b1;
    if (exponent < 9'sd0) result_o = 32'h0000_ffff;
    else if (exponent > 9'sd63) result_o = 32'h003f_8000;
    else begin
      saturated_o = 1'b0;
      result_o = {10'd0, exponent[5:0], m[16] ? 16'h8000 : m[15:0]};
    end
    if (op_i == bl_pkg::SCALAR_MAX_TO_SCALE && a_i == 32'd0) begin
      saturated_o = 1'b0;
      result_o = keep_i ? c_i : bl_pkg::SCALE_ONE;
    end
  end

  logic unused_bits;
  assign unused_bits = ^{rounded, exponent, a_i, b_i};

endmodule
