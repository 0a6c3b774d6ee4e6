// N8.1: e = 2^-(t / 2^16) with 16 fraction bits, combinational.
module bl_exp2neg (
    input  logic [20:0] t_i,
    output logic [16:0] e_o
);

  logic [4:0] n;
  logic [6:0] i;
  logic [9:0] g;
  logic [18:0] from, to, down, y;
  logic [28:0] product;
  logic [20:0] sum;
  logic unused_bits;

  assign n = t_i[20:16];
  assign i = {1'b0, t_i[15:10]};
  assign g = t_i[9:0];
  assign from = bl_pkg::exp2_table(i);
  assign to = bl_pkg::exp2_table(i + 7'd1);
  assign product = {10'd0, from - to} * {19'd0, g} + 29'd512;
  assign down = product[28:10];
  assign y = from - down;
  assign sum = ({2'd0, y} + (21'd2 << n)) >> (n + 5'd2);
  assign e_o = (n >= 5'd19) ? 17'd0 : sum[16:0];
  assign unused_bits = ^{product, sum};

endmodule
