// N11.4 before its rounding: the exact sum of two reals as sign, magnitude and shift.
module bl_real_add (
    input  logic        [31:0] a_i,
    input  logic        [31:0] b_i,
    output logic               sign_o,
    output logic        [47:0] x_o,
    output logic signed [10:0] k_o
);

  logic swaps, far;
  logic [31:0] h, l;
  logic signed [7:0] sa, sb, sh, sl;
  logic [8:0] distance;
  logic signed [49:0] high, low, sum;

  assign sa = $signed(a_i[23:16]);
  assign sb = $signed(b_i[23:16]);
  // The operand with the larger exponent first; a zero has none.
  assign swaps = (a_i[15:0] == 16'd0) || (b_i[15:0] != 16'd0 && sb < sa);
  assign h = swaps ? b_i : a_i;
  assign l = swaps ? a_i : b_i;
  assign sh = $signed(h[23:16]);
  assign sl = $signed(l[23:16]);
  assign distance = {sl[7], sl} - {sh[7], sh};
  assign far = distance > 9'd31 || l[15:0] == 16'd0;

  always_comb begin
    high = $signed({34'd0, h[15:0]}) <<< (far ? 5'd0 : distance[4:0]);
    if (h[31]) high = -high;
    low = far ? 50'sd0 : $signed({34'd0, l[15:0]});
    if (l[31]) low = -low;
    sum = high + low;
    sign_o = sum[49];
    x_o = sum[49] ? 48'(-sum) : 48'(sum);
    k_o = far ? 11'(sh) : 11'(sl);
  end

  logic unused_bits;
  assign unused_bits = ^{h[30:24], l[30:24], distance};

endmodule
