// One lane of ADAM (N25): the steps of bl_adam on one element. Without codes_i (moments): the integers g, m, r in steps 0 to 2, m' and H(r)^2 in
// step 3, H(g)^2 in step 4, the sum under the root in step 5, the root from step 6 to 38. With codes_i: the code of m' and the start of the division
// in step 0, the code of r' in step 1, the quotient times RATIO in step 49, the master in step 50; with made_step_i too the quotient itself.
module bl_adam_lane (
    input  logic        clk_i,
    input  logic        rst_ni,
    input  logic        codes_i,
    input  logic        made_step_i,
    input  logic        active_i,
    input  logic [ 5:0] step_i,
    input  logic [15:0] beta1_i,
    input  logic [15:0] beta2_i,
    input  logic [31:0] ratio_i,
    input  logic [30:0] limit_i,      // of the master
    input  logic [15:0] u_i,          // step 50
    // Held during the steps: gradient, cm, cr; or m', r', master
    input  logic [31:0] first_i,
    input  logic [31:0] second_i,
    input  logic [31:0] third_i,
    // KM, KR, KG, LO; or E, the factors of m' and r', lo
    input  logic [31:0] k0_i,
    input  logic [31:0] k1_i,
    input  logic [31:0] k2_i,
    input  logic [31:0] k3_i,
    // From the step after the last on: m', r'; or master, cm, cr
    output logic [31:0] first_o,
    output logic [31:0] second_o,
    output logic [31:0] third_o,
    output logic [31:0] magnitude_o,  // |master|
    output logic        saturated_o,  // the master
    output logic        limited_o     // the quotient
);

  localparam logic signed [32:0] Limit = 33'sh7fff_ffff;

  // ---- Integers and codes
  logic signed [32:0] x, above;
  logic [31:0] factor, y;
  assign above = $signed({second_i[31], second_i}) - $signed({k3_i[31], k3_i});
  always_comb begin
    x = $signed({first_i[31], first_i});
    factor = codes_i ? k1_i : k2_i;
    if (step_i == 6'd1) begin
      x = codes_i ? above : $signed({second_i[31], second_i});
      factor = codes_i ? k2_i : k0_i;
    end else if (step_i == 6'd2) begin
      x = $signed({third_i[31], third_i});
      factor = k1_i;
    end
  end
  bl_adam_integer u_integer (
      .x_i(x),
      .real_i(factor),
      .y_o(y)
  );

  logic signed [32:0] with_low;
  logic [31:0] g_q, m_q, r_q;
  logic [7:0] m_code, r_code, m_code_q, r_code_q;
  assign with_low = $signed({k3_i[31], k3_i}) + $signed({y[31], y});
  always_comb begin
    m_code = y[7:0];
    if ($signed(y) > 32'sd127) m_code = 8'd127;
    if ($signed(y) < -32'sd127) m_code = 8'h81;
    r_code = y[7:0];
    if ($signed(y) > 32'sd255) r_code = 8'd255;
    if ($signed(y) < 32'sd1) r_code = 8'd1;
    if (above == 33'sd0) r_code = 8'd0;
  end

  // ---- Products with 16 fraction bits: b1 * (m - g), and the quotient times RATIO
  logic signed [33:0] difference;
  logic [46:0] product, signed_product, product_q;
  logic [31:0] blend;
  logic [20:0] quotient;
  logic [15:0] ratio_m;
  logic [5:0] ratio_s;
  logic ratio_negative;
  assign difference = $signed({{2{m_q[31]}}, m_q}) - $signed({{2{g_q[31]}}, g_q});
  bl_factor u_factor (
      .real_i(ratio_i),
      .m_o(ratio_m),
      .s_o(ratio_s),
      .negative_o(ratio_negative)
  );
  bl_fixed16 u_product (
      .x_i(codes_i ? {{13{quotient[20]}}, quotient} : difference),
      .m_i(codes_i ? ratio_m : beta1_i),
      .s_i(codes_i ? ratio_s : 6'd32),
      .y_o(product)
  );
  assign signed_product = ratio_negative ? -product : product;
  assign blend = g_q + product[31:0];

  // ---- The root of b2 * H(r)^2 + (65536 - b2) * H(g)^2
  logic [31:0] square_of;
  logic signed [32:0] rounded;
  logic signed [47:0] coarse, square;
  logic [47:0] r_square_q, g_square_q;
  logic signed [65:0] change, sum;
  logic [63:0] sum_q;
  logic [31:0] root;
  logic unused_root_done;
  assign square_of = (step_i == 6'd3) ? r_q : g_q;
  assign rounded = $signed({square_of[31], square_of}) + 33'sd128;
  assign coarse = $signed({{23{rounded[32]}}, rounded[32:8]});
  assign square = coarse * coarse;
  assign change = $signed({18'd0, r_square_q}) - $signed({18'd0, g_square_q});
  assign sum = $signed({2'd0, g_square_q, 16'd0}) + change * $signed({50'd0, beta2_i});
  bl_root #(
      .Bits(32)
  ) u_root (
      .clk_i,
      .rst_ni,
      .start_i(active_i && !codes_i && step_i == 6'd6),
      .square_i(sum_q),
      .done_o(unused_root_done),
      .root_o(root)
  );

  // ---- The quotient |m'| / (r' + E) with 16 fraction bits
  logic [31:0] size, divisor;
  logic [47:0] dividend, quotient_size;
  logic unused_divided, unused_inexact, over_step;
  assign size = first_i[31] ? -first_i : first_i;
  assign divisor = second_i + k0_i;
  assign dividend = {size, 16'd0} + {17'd0, divisor[31:1]};
  bl_divider u_divider (
      .clk_i,
      .rst_ni,
      .start_i(active_i && codes_i && step_i == 6'd0),
      .first_i(32'd0),
      .bits_i(dividend),
      .divisor_i(divisor),
      .steps_i(6'd48),
      .done_o(unused_divided),
      .quotient_o(quotient_size),
      .inexact_o(unused_inexact)
  );
  assign over_step = quotient_size[47:20] != 28'd0;
  always_comb begin
    quotient = over_step ? 21'h0f_ffff : {1'b0, quotient_size[19:0]};
    if (first_i[31]) quotient = -quotient;
  end

  // ---- The master (N25.5). 65535 - u is the complement of u.
  logic signed [49:0] up, whole, limit;
  logic over, under, saturated_q;
  logic [31:0] moment_q;  // m', or the master
  assign up = $signed({{2{third_i[31]}}, third_i, 16'd0}) - $signed({{3{product_q[46]}}, product_q}) +
      $signed({34'd0, ~u_i});
  assign whole = up >>> 16;
  assign limit = $signed({19'd0, limit_i});
  assign over = whole > limit;
  assign under = whole < -limit;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      {g_q, m_q, r_q, moment_q} <= '0;
      {m_code_q, r_code_q} <= '0;
      {r_square_q, g_square_q} <= '0;
      sum_q <= 64'd0;
      product_q <= 47'd0;
      saturated_q <= 1'b0;
    end else if (active_i) begin
      if (step_i == 6'd0) begin
        g_q <= y;
        m_code_q <= m_code;
      end
      if (step_i == 6'd1) begin
        m_q <= y;
        r_code_q <= r_code;
      end
      if (step_i == 6'd2) begin
        r_q <= with_low[31:0];
        if (with_low > Limit) r_q <= 32'h7fff_ffff;
        if (with_low < -Limit) r_q <= 32'h8000_0001;
      end
      if (step_i == 6'd3 && !codes_i) begin
        moment_q <= blend;
        r_square_q <= $unsigned(square);
      end
      if (step_i == 6'd4) g_square_q <= $unsigned(square);
      if (step_i == 6'd5) sum_q <= sum[63:0];
      if (step_i == 6'd49) product_q <= signed_product;
      if (step_i == 6'd50) begin
        moment_q <= over ? {1'b0, limit_i} : (under ? -{1'b0, limit_i} : whole[31:0]);
        saturated_q <= over || under;
        if (made_step_i) begin
          moment_q <= {{11{quotient[20]}}, quotient};
          saturated_q <= 1'b0;
        end
      end
    end
  end

  assign first_o = moment_q;
  assign second_o = codes_i ? {{24{m_code_q[7]}}, m_code_q} : (root[31] ? 32'h7fff_ffff : root);
  assign third_o = {24'd0, r_code_q};
  assign magnitude_o = moment_q[31] ? -moment_q : moment_q;
  assign saturated_o = saturated_q;
  assign limited_o = over_step;

  logic unused_bits;
  assign unused_bits = ^{rounded[7:0], sum[65:64], product[46:32], whole};

endmodule
