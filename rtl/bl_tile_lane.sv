// One lane of TILE: source and bias in stage 1, mask, ReLU and raw view in stage 2, the quantizer and the mask rule in stage 3
// (bl_stream numbers the stages).
module bl_tile_lane (
    input  logic        clk_i,
    input  logic        rst_ni,
    input  logic [ 3:1] valid_i,       // by stage
    // Of the command
    input  logic        from_vin_i,
    input  logic        add_bias_i,
    input  logic        relu_i,
    input  logic [ 1:0] mask_rule_i,
    input  logic [31:0] mask_limit_i,  // T[LIMIT]
    input  logic [ 1:0] quantizer_i,
    input  logic [31:0] ratio_i,       // T[RATIO]
    input  logic [ 2:0] rounding_i,
    input  logic        unsigned_i,
    input  logic [30:0] limit_i,
    input  logic        raw16_i,
    input  logic [ 3:0] raw_shift_i,
    // Stage 1
    input  logic [47:0] acc_i,
    input  logic [31:0] vin_i,
    input  logic [31:0] bias_i,
    input  logic [31:0] group_ratio_i,
    input  logic [31:0] group_lo_i,
    input  logic        in_tile_i,     // 0: beyond the tile
    input  logic        keep_i,        // 0: masked
    // Stage 3
    input  logic [ 7:0] u_i,
    // Stage 4; all 0 beyond the tile
    output logic [31:0] raw_o,
    output logic [30:0] magnitude_o,   // |raw|
    output logic        raw_saturated_o,
    output logic        mask_o,
    output logic [31:0] code_o,
    output logic        code_saturated_o
);

  logic group;
  assign group = quantizer_i == bl_pkg::QUANTIZER_GROUP;

  // Stage 1. |accumulator + bias| < 2^46 by the contract of N3.
  logic signed [47:0] source, bias, z_q;
  logic [31:0] ratio2_q, ratio3_q, lo_q;
  logic in_tile2_q, in_tile3_q;
  assign source = from_vin_i ? $signed({{16{vin_i[31]}}, vin_i}) : $signed(acc_i);
  assign bias = add_bias_i ? $signed({{16{bias_i[31]}}, bias_i}) : 48'sd0;

  // Stage 2. A group's code is of the distance from its lowest value.
  logic signed [47:0] a, x_q;
  logic [31:0] raw, raw3_q, raw4_q;
  logic raw_saturated, raw_saturated3_q, raw_saturated4_q;
  assign a = (relu_i && z_q < 48'sd0) ? 48'sd0 : z_q;
  bl_raw_view u_raw_view (
      .value_i(a),
      .raw16_i,
      .shift_i(raw_shift_i),
      .raw_o(raw),
      .saturated_o(raw_saturated)
  );

  // Stage 3.
  logic [15:0] m;
  logic [5:0] s;
  logic [3:0] log_code;
  logic unused_negative, log_saturated, uniform_saturated, positive, mask, saturated, code_saturated_q, mask_q;
  logic [31:0] uniform_code, code, code_q, size;
  logic [2:0] rounding;
  bl_factor u_factor (
      .real_i(group ? ratio3_q : ratio_i),
      .m_o(m),
      .s_o(s),
      .negative_o(unused_negative)
  );
  assign rounding = group ? bl_pkg::ROUND_STOCHASTIC : rounding_i;
  bl_requant u_requant (
      .x_i(x_q),
      .m_i(m),
      .s_i(s),
      .rounding_i(rounding),
      .u_i,
      .unsigned_i(unsigned_i || group),
      .limit_i,
      .y_o(uniform_code),
      .saturated_o(uniform_saturated)
  );
  bl_log_code u_log (
      .x_i(x_q),
      .top_i(ratio_i),
      .binades_i(limit_i[2:0]),
      .stochastic_i(rounding_i == bl_pkg::ROUND_STOCHASTIC),
      .u_i,
      .code_o(log_code),
      .saturated_o(log_saturated)
  );
  assign size = raw3_q[31] ? -raw3_q : raw3_q;
  assign positive = !raw3_q[31] && raw3_q != 32'd0;
  always_comb begin
    code = uniform_code;
    saturated = uniform_saturated;
    case (quantizer_i)
      bl_pkg::QUANTIZER_LOG: begin
        code = {28'd0, log_code};
        saturated = log_saturated;
      end
      bl_pkg::QUANTIZER_SIGN: begin
        code = {31'd0, x_q > 48'sd0};
        saturated = 1'b0;
      end
      bl_pkg::QUANTIZER_GROUP: saturated = 1'b0;
      default: begin
      end
    endcase
    case (mask_rule_i)
      bl_pkg::MASK_INSIDE: mask = size <= mask_limit_i;
      bl_pkg::MASK_BELOW: mask = size < mask_limit_i;
      bl_pkg::MASK_POSITIVE_INSIDE: mask = positive && size <= mask_limit_i;
      default: mask = positive;
    endcase
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      z_q <= 48'sd0;
      {ratio2_q, ratio3_q, lo_q} <= 96'd0;
      {in_tile2_q, in_tile3_q} <= 2'd0;
      x_q <= 48'sd0;
      {raw3_q, raw4_q, code_q} <= 96'd0;
      {raw_saturated3_q, raw_saturated4_q, code_saturated_q, mask_q} <= 4'd0;
    end else begin
      if (valid_i[1]) begin
        z_q <= (in_tile_i && keep_i) ? source + bias : 48'sd0;
        ratio2_q <= group_ratio_i;
        lo_q <= group_lo_i;
        in_tile2_q <= in_tile_i;
      end
      if (valid_i[2]) begin
        x_q <= group ? a - $signed({{16{lo_q[31]}}, lo_q}) : a;
        ratio3_q <= ratio2_q;
        raw3_q <= raw;
        raw_saturated3_q <= raw_saturated;
        in_tile3_q <= in_tile2_q;
      end
      if (valid_i[3]) begin
        raw4_q <= raw3_q;
        raw_saturated4_q <= raw_saturated3_q;
        code_q <= in_tile3_q ? code : 32'd0;
        code_saturated_q <= in_tile3_q && saturated;
        mask_q <= in_tile3_q && mask;
      end
    end
  end

  logic [31:0] size4;
  logic unused_size;
  assign size4 = raw4_q[31] ? -raw4_q : raw4_q;
  assign unused_size = size4[31];
  assign raw_o = raw4_q;
  assign magnitude_o = size4[30:0];
  assign raw_saturated_o = raw_saturated4_q;
  assign mask_o = mask_q;
  assign code_o = code_q;
  assign code_saturated_o = code_saturated_q;

endmodule
