// One logarithmic code (N19.2), combinational: the sign in bit 3, in bits 2..0 the number of the grid value 0, M / 2^R, ..., M / 2, M.
module bl_log_code #(
    parameter int Bits = 8  // r: of the random word
) (
    input  logic [    47:0] x_i,           // signed
    input  logic [    31:0] top_i,         // M, 1 .. 2^31
    input  logic [     2:0] binades_i,     // R, 1 .. 6
    input  logic            stochastic_i,  // else half up
    input  logic [Bits-1:0] u_i,
    output logic [     3:0] code_o,
    output logic            saturated_o    // |x| > M
);

  // What is above 2^32 is above M: its number of digits does not matter.
  logic [47:0] wide;
  logic [32:0] magnitude;
  assign wide = x_i[47] ? -x_i : x_i;
  assign magnitude = (wide[47:32] != 16'd0) ? 33'h1_0000_0000 : {1'b0, wide[31:0]};

  logic [38:0] scaled, cell_size, distance;
  logic [2:0] lower, e;
  logic [38+Bits:0] left, right;
  logic clips, up;
  assign scaled = {6'd0, magnitude} << binades_i;
  assign clips = magnitude >= {1'b0, top_i};

  // The cell of the grid: its lower end, and its size.
  always_comb begin
    lower = 3'd0;
    cell_size = {7'd0, top_i};
    distance = scaled;
    for (int n = 0; n < 6; n++) begin
      if (3'(n) < binades_i && scaled >= ({7'd0, top_i} << n)) begin
        lower = 3'(n + 1);
        cell_size = {7'd0, top_i} << n;
        distance = scaled - ({7'd0, top_i} << n);
      end
    end
  end

  assign left = stochastic_i ? {distance, Bits'(0)} : {Bits'(0), distance} << 1;
  assign right = (39 + Bits)'(cell_size) * (39 + Bits)'(u_i);
  assign up = stochastic_i ? left > right : left >= (39 + Bits)'(cell_size);

  always_comb begin
    e = lower + {2'd0, up};
    if (clips) e = binades_i + 3'd1;
  end
  assign code_o = {x_i[47] && e != 3'd0, e};
  assign saturated_o = magnitude > {1'b0, top_i};

endmodule
