// The magnitude of a real as the scale that multiplies an integer (N12): m = 0 where the product is 0 (a = 0 or s > 63), the largest scale for
// s < 0. Combinational.
module bl_factor (
    input  logic [31:0] real_i,
    output logic [15:0] m_o,
    output logic [ 5:0] s_o,
    output logic        negative_o
);

  always_comb begin
    m_o = real_i[15:0];
    s_o = real_i[21:16];
    if (real_i[23]) begin
      m_o = (real_i[15:0] == 16'd0) ? 16'd0 : 16'hffff;
      s_o = 6'd0;
    end else if (real_i[22]) m_o = 16'd0;
  end
  assign negative_o = real_i[31];

  logic unused_bits;
  assign unused_bits = ^real_i[30:24];

endmodule
