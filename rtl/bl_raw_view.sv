// The raw view of an exact value (N5.2): limited to 32 bits; or, with raw16_i, divided by 2^shift_i, halves to the even
// neighbour, and limited to 16 bits (N5.5). |value_i| < 2^46.
module bl_raw_view (
    input  logic [47:0] value_i,
    input  logic        raw16_i,
    input  logic [ 3:0] shift_i,      // 0 without raw16_i
    output logic [31:0] raw_o,
    output logic        saturated_o
);

  logic signed [47:0] value, rounded, limit;
  logic [47:0] half, floor;
  logic over, under;
  assign value = $signed(value_i);
  assign half = shift_i == 4'd0 ? 48'd0 : 48'd1 << (shift_i - 4'd1);
  assign floor = value >>> shift_i;
  // A half less one, and one more where the integer below is odd.
  assign rounded = shift_i == 4'd0 ? value : (value + $signed(half) - 48'sd1 + $signed({47'd0, floor[0]})) >>> shift_i;
  assign limit = raw16_i ? 48'sh7fff : 48'sh7fff_ffff;
  assign over = rounded > limit;
  assign under = rounded < -limit;
  always_comb begin
    raw_o = rounded[31:0];
    if (over) raw_o = limit[31:0];
    if (under) raw_o = -limit[31:0];
  end
  assign saturated_o = over || under;

  logic unused_bits;
  assign unused_bits = ^{floor[47:1], limit[47:32]};

endmodule
