// N11.1: the real nearest to (-1)^sign * x * 2^-k, half up on the magnitude.
module bl_real_round (
    input  logic               sign_i,
    input  logic       [100:0] x_i,
    input  logic signed [ 10:0] k_i,
    output logic       [ 31:0] real_o
);

  logic [6:0] top;
  logic [101:0] half, shifted;
  logic [16:0] m;
  logic [15:0] mantissa;
  logic signed [11:0] s;

  always_comb begin
    top = 7'd0;
    for (int i = 0; i < 101; i++) if (x_i[i]) top = 7'(i);
    if (top <= 7'd15) begin
      half = '0;
      shifted = {1'b0, x_i} << (7'd15 - top);
    end else begin
      half = 102'd1 << (top - 7'd16);
      shifted = ({1'b0, x_i} + half) >> (top - 7'd15);
    end
    m = shifted[16:0];
    // Only rounding up can carry into bit 16; the mantissa is then 2^15.
    mantissa = m[16] ? 16'h8000 : m[15:0];
    s = 12'($signed(k_i)) + 12'sd15 - $signed({5'd0, top}) - (m[16] ? 12'sd1 : 12'sd0);
    real_o = {sign_i, 7'd0, s[7:0], mantissa};
    if (x_i == '0 || s > 12'sd127) real_o = 32'd0;
    else if (s < -12'sd128) real_o = {sign_i, 7'd0, 8'h80, 16'hffff};
  end

  logic unused_bits;
  assign unused_bits = ^{shifted, s};

endmodule
