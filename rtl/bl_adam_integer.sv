// I(x, a) of N25.2: floor(x * a + 1/2), limited to +-(2^31 - 1), of an integer and a real; combinational.
module bl_adam_integer (
    input  logic [32:0] x_i,     // signed
    input  logic [31:0] real_i,
    output logic [31:0] y_o      // signed
);

  localparam logic signed [63:0] Limit = 64'sh7fff_ffff;

  logic signed [63:0] magnitude, product, half, limited, result;
  logic [7:0] s, left;
  assign s = real_i[23:16];
  assign left = 8'd0 - s;

  always_comb begin
    magnitude = $signed({{31{x_i[32]}}, x_i}) * $signed({48'd0, real_i[15:0]});
    product = real_i[31] ? -magnitude : magnitude;
    half = 64'sd0;
    limited = product;
    if (s[7] || s == 8'd0) begin
      // A shift left, by at most 31: what is more than zero is beyond the limit then.
      if (product > Limit) limited = Limit;
      if (product < -Limit) limited = -Limit;
      result = limited <<< ((left > 8'd31) ? 5'd31 : left[4:0]);
    end else begin
      half = $signed(64'd1 << (s[5:0] - 6'd1));
      result = s[6] ? 64'sd0 : (product + half) >>> s[5:0];
    end
    y_o = result[31:0];
    if (result > Limit) y_o = 32'h7fff_ffff;
    if (result < -Limit) y_o = 32'h8000_0001;
  end

  logic unused_bits;
  assign unused_bits = ^real_i[30:24];

endmodule
