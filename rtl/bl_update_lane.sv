// One lane of the optimizer update (N9). The stages are those of bl_update; one fixed-point product serves the gradient in
// stage 1 and the new momentum in stage 5, which never meet.
module bl_update_lane (
    input  logic        clk_i,
    input  logic        rst_ni,
    input  logic [ 6:1] valid_i,      // by stage
    input  logic        keep_i,       // stages 4 and 6; 0: beyond the tile
    // Of the command
    input  logic [31:0] ratio_g_i,
    input  logic [31:0] ratio_w_i,
    input  logic [15:0] mu_i,
    input  logic [30:0] limit_i,      // of the master
    // Stage 1: gradient, 2: master, 3: momentum
    input  logic [31:0] vin_i,
    // Stage 4: of the momentum, 6: of the master
    input  logic [15:0] u_i,
    // From stage 5 on
    output logic [31:0] momentum_o,
    output logic        momentum_saturated_o,
    // From stage 7 on
    output logic [31:0] master_o,
    output logic [30:0] magnitude_o,  // |master|
    output logic        master_saturated_o
);

  localparam logic signed [49:0] MomentumLimit = 50'sd32767;

  logic [31:0] master_q, master5_q, momentum_q, new_master_q;
  logic [46:0] fixed, gradient_q, change_q;
  logic signed [49:0] a_q, a_up, a_whole, b, b_up, b_whole, limit;
  logic momentum_saturated_q, master_saturated_q;
  logic [31:0] new_momentum, new_master;
  logic a_over, a_under, b_over, b_under;

  logic [31:0] ratio;
  logic [33:0] factor;
  logic unused_ratio;
  assign ratio = valid_i[1] ? ratio_g_i : ratio_w_i;
  assign factor = valid_i[1] ? {{2{vin_i[31]}}, vin_i} : {{2{momentum_q[31]}}, momentum_q};
  assign unused_ratio = ^ratio[31:22];
  bl_fixed16 u_fixed (
      .x_i(factor),
      .m_i(ratio[15:0]),
      .s_i(ratio[21:16]),
      .y_o(fixed)
  );

  // 65535 - u is the complement of u.
  assign a_up = a_q + $signed({34'd0, ~u_i});
  assign a_whole = a_up >>> 16;
  assign a_over = a_whole > MomentumLimit;
  assign a_under = a_whole < -MomentumLimit;
  assign new_momentum = a_over ? 32'h0000_7fff : (a_under ? 32'hffff_8001 : a_whole[31:0]);

  assign b = $signed({{2{master5_q[31]}}, master5_q, 16'd0}) - $signed({{3{change_q[46]}}, change_q});
  assign b_up = b + $signed({34'd0, ~u_i});
  assign b_whole = b_up >>> 16;
  assign limit = $signed({19'd0, limit_i});
  assign b_over = b_whole > limit;
  assign b_under = b_whole < -limit;
  assign new_master = b_over ? {1'b0, limit_i} : (b_under ? ~{1'b0, limit_i} + 32'd1 : b_whole[31:0]);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      gradient_q <= 47'd0;
      master_q <= 32'd0;
      a_q <= 50'sd0;
      momentum_q <= 32'd0;
      momentum_saturated_q <= 1'b0;
      change_q <= 47'd0;
      master5_q <= 32'd0;
      new_master_q <= 32'd0;
      master_saturated_q <= 1'b0;
    end else begin
      if (valid_i[1]) gradient_q <= fixed;
      if (valid_i[2]) master_q <= vin_i;
      if (valid_i[3]) begin
        a_q <= $signed({{34{vin_i[15]}}, vin_i[15:0]}) * $signed({34'd0, mu_i}) +
            $signed({{3{gradient_q[46]}}, gradient_q});
      end
      if (valid_i[4]) begin
        momentum_q <= keep_i ? new_momentum : 32'd0;
        momentum_saturated_q <= keep_i && (a_over || a_under);
      end
      if (valid_i[5]) begin
        change_q <= fixed;
        master5_q <= master_q;
      end
      if (valid_i[6]) begin
        new_master_q <= keep_i ? new_master : 32'd0;
        master_saturated_q <= keep_i && (b_over || b_under);
      end
    end
  end

  assign momentum_o = momentum_q;
  assign momentum_saturated_o = momentum_saturated_q;
  assign master_o = new_master_q;
  assign magnitude_o = new_master_q[31] ? ~new_master_q[30:0] + 31'd1 : new_master_q[30:0];
  assign master_saturated_o = master_saturated_q;

endmodule
