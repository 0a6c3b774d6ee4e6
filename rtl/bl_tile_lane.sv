// One lane of the drain pipeline: source and bias in stage 1, mask, ReLU and raw view in stage 2, requantization in stage 3
// (docs/timing_vector.md names the stages).
module bl_tile_lane (
    input  logic        clk_i,
    input  logic        rst_ni,
    input  logic [ 3:1] valid_i,      // by stage
    // Of the command
    input  logic        from_vin_i,
    input  logic        add_bias_i,
    input  logic        relu_i,
    input  logic [15:0] m_i,
    input  logic [ 5:0] s_i,
    input  logic [ 1:0] rounding_i,
    input  logic [30:0] limit_i,
    // Stage 1
    input  logic [47:0] acc_i,
    input  logic [31:0] vin_i,
    input  logic [31:0] bias_i,
    input  logic        keep_i,       // 0: masked, or beyond the tile
    // Stage 3
    input  logic [ 7:0] u_i,
    output logic        positive_o,
    output logic [31:0] raw_o,
    output logic [30:0] magnitude_o,  // |raw|
    output logic        raw_saturated_o,
    // Stage 4
    output logic [31:0] y_o,
    output logic        y_saturated_o
);

  localparam logic signed [47:0] RawLimit = 48'sh7fff_ffff;

  // Stage 1. |accumulator + bias| < 2^46 by the contract of N3.
  logic signed [47:0] source, bias, z_q;
  assign source = from_vin_i ? $signed({{16{vin_i[31]}}, vin_i}) : $signed(acc_i);
  assign bias = add_bias_i ? $signed({{16{bias_i[31]}}, bias_i}) : 48'sd0;

  // Stage 2.
  logic positive, over, under;
  logic signed [47:0] a_d, a_q;
  logic [31:0] raw_q;
  logic positive_q, raw_saturated_q;
  assign positive = z_q > 48'sd0;
  assign a_d = (relu_i && !positive) ? 48'sd0 : z_q;
  assign over = a_d > RawLimit;
  assign under = a_d < -RawLimit;

  // Stage 3.
  logic [31:0] y_d, y_q;
  logic y_saturated_d, y_saturated_q;
  bl_requant u_requant (
      .x_i(a_q),
      .m_i,
      .s_i,
      .rounding_i,
      .u_i,
      .limit_i,
      .y_o(y_d),
      .saturated_o(y_saturated_d)
  );

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      z_q <= 48'sd0;
      a_q <= 48'sd0;
      raw_q <= 32'd0;
      positive_q <= 1'b0;
      raw_saturated_q <= 1'b0;
      y_q <= 32'd0;
      y_saturated_q <= 1'b0;
    end else begin
      if (valid_i[1]) z_q <= keep_i ? source + bias : 48'sd0;
      if (valid_i[2]) begin
        a_q <= a_d;
        raw_q <= over ? 32'h7fff_ffff : (under ? 32'h8000_0001 : a_d[31:0]);
        positive_q <= positive;
        raw_saturated_q <= over || under;
      end
      if (valid_i[3]) begin
        y_q <= y_d;
        y_saturated_q <= y_saturated_d;
      end
    end
  end

  assign positive_o = positive_q;
  assign raw_o = raw_q;
  assign magnitude_o = raw_q[31] ? ~raw_q[30:0] + 31'd1 : raw_q[30:0];
  assign raw_saturated_o = raw_saturated_q;
  assign y_o = y_q;
  assign y_saturated_o = y_saturated_q;

endmodule
