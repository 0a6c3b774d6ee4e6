// N8.2: y = log2(S) with 16 fraction bits, combinational. S >= 1.
module bl_log2fix (
    input  logic [31:0] s_i,
    output logic [21:0] y_o  // up to 32.0
);

  logic [4:0] n;
  logic [31:0] x;
  logic [6:0] i;
  logic [15:0] g;
  logic [16:0] from, to, y;
  logic [32:0] product;
  logic unused_bits;

  always_comb begin
    n = 5'd0;
    for (int k = 1; k < 32; k++) if (s_i[k]) n = 5'(k);
  end
  assign x = s_i << (5'd31 - n);
  assign i = {1'b0, x[30:25]};
  assign g = x[24:9];
  assign from = bl_pkg::log2_table(i);
  assign to = bl_pkg::log2_table(i + 7'd1);
  assign product = {16'd0, to - from} * {17'd0, g} + 33'h8000;
  assign y = from + product[32:16];
  assign y_o = {1'b0, n, 16'd0} + {5'd0, y};
  assign unused_bits = ^{x, product};

endmodule
