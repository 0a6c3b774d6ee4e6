// One fixed-point product (N3.6): y = floor((x * m * 2^16 + h) / 2^s), h = 2^(s-1) (0 for s = 0), limited to
// +-(2^46 - 1); combinational.
module bl_fixed16 (
    input  logic [33:0] x_i,  // signed
    input  logic [15:0] m_i,
    input  logic [ 5:0] s_i,
    output logic [46:0] y_o   // signed
);

  localparam logic signed [63:0] Limit = 64'sh3fff_ffff_ffff;  // 2^46 - 1

  logic signed [63:0] product, right, reach, half;
  logic [5:0] left_by, right_by;
  logic over, under;

  assign product = $signed({{30{x_i[33]}}, x_i}) * $signed({48'd0, m_i});

  // s > 16: a shift right with rounding; else a shift left, whose overflow shows before it is done.
  assign right_by = s_i - 6'd16;
  assign left_by = 6'd16 - s_i;
  assign half = $signed(64'd1 << (right_by - 6'd1));
  assign right = (product + half) >>> right_by;
  assign reach = Limit >>> left_by;

  always_comb begin
    if (s_i > 6'd16) begin
      over = right > Limit;
      under = right < -Limit;
      y_o = right[46:0];
    end else begin
      over = product > reach;
      under = product < -reach;
      y_o = product[46:0] << left_by;
    end
    if (over) y_o = Limit[46:0];
    if (under) y_o = $unsigned(-Limit[46:0]);
  end

endmodule
