// One lane of the optimizer update (N9, and N23 with lwq_i). bl_stream numbers the stages; groups are at least three cycles apart.
//   stage 1  the gradient times its ratio
//   stage 3  the old momentum times its ratio, sum
//   stage 4  rounding to the new momentum, with the word of use 2
//   stage 5  the new momentum times its ratio (by the product of stage 3, which is then free)
//   stage 6  rounding to the new master, or residual code, with the word of use 3
//   stage 7  results
// With made_step_i (N25.8) there is no momentum: the product of stage 1 is the change.
module bl_update_lane (
    input  logic        clk_i,
    input  logic        rst_ni,
    input  logic [ 6:1] valid_i,       // by stage
    input  logic        in_tile_i,     // stages 4 and 6; 0: beyond the tile
    // Of the command
    input  logic        lwq_i,
    input  logic        whole_i,       // with lwq_i: the latent weight is kept whole
    input  logic        made_step_i,
    input  logic        half_up_i,
    input  logic [31:0] by_gradient_i, // reals
    input  logic [31:0] by_old_i,
    input  logic [31:0] by_new_i,
    input  logic [30:0] limit_i,       // of the master
    input  logic [ 7:0] qmax_i,        // N23
    input  logic [ 1:0] read_level_i,
    input  logic [ 1:0] write_level_i,
    // Stage 1
    input  logic [31:0] gradient_i,
    input  logic [31:0] master_i,      // or q, or the latent weight
    input  logic [ 3:0] residual_i,
    // Stage 3
    input  logic [15:0] momentum_i,
    // Stage 4: of the momentum, 6: of the master
    input  logic [15:0] u_i,
    // From stage 5 on
    output logic [31:0] momentum_o,
    output logic        momentum_saturated_o,
    // From stage 7 on
    output logic [31:0] master_o,
    output logic [31:0] residual_o,    // or q of the latent weight
    output logic [31:0] magnitude_o,   // |master|, or N23.4's
    output logic [ 1:0] saturated_o,   // how many saturations of the master, or of q and the change
    output logic [30:0] moved_o        // |change| (N23.5)
);

  // ---- Stages 1, 3 and 5: products
  logic [15:0] m1, m2;
  logic [5:0] s1, s2;
  logic negative1, negative2;
  logic [46:0] product1, product2, signed1, signed2;
  logic [31:0] real2;
  logic [15:0] factor2, momentum_q;
  logic signed [47:0] fresh_q, sum_q;
  assign real2 = made_step_i ? 32'd0 : (valid_i[3] ? by_old_i : by_new_i);
  assign factor2 = valid_i[3] ? momentum_i : momentum_q;
  bl_factor u_factor1 (
      .real_i(by_gradient_i),
      .m_o(m1),
      .s_o(s1),
      .negative_o(negative1)
  );
  bl_fixed16 u_product1 (
      .x_i({{2{gradient_i[31]}}, gradient_i}),
      .m_i(m1),
      .s_i(s1),
      .y_o(product1)
  );
  bl_factor u_factor2 (
      .real_i(real2),
      .m_o(m2),
      .s_o(s2),
      .negative_o(negative2)
  );
  bl_fixed16 u_product2 (
      .x_i({{18{factor2[15]}}, factor2}),
      .m_i(m2),
      .s_i(s2),
      .y_o(product2)
  );
  assign signed1 = negative1 ? -product1 : product1;
  assign signed2 = negative2 ? -product2 : product2;

  // ---- Stage 4. 65535 - u is the complement of u.
  logic signed [47:0] up4, whole4, momentum_limit;
  logic over4, under4, momentum_saturated_q;
  logic [47:0] size4;
  logic [31:0] size_q;
  assign up4 = sum_q + $signed({32'd0, ~u_i});
  assign whole4 = up4 >>> 16;
  assign momentum_limit = lwq_i ? 48'sd127 : 48'sd32767;
  assign over4 = whole4 > momentum_limit;
  assign under4 = whole4 < -momentum_limit;
  assign size4 = ($unsigned(sum_q[47] ? -sum_q : sum_q) + 48'h8000) >> 16;

  // ---- Stage 6
  logic [31:0] master_q, master4_q, new_master_q, new_residual_q;
  logic [3:0] residual_q, residual4_q, code_s;
  logic [46:0] change_q;
  logic signed [49:0] b, up6, whole6, limit;
  logic over6, under6;
  assign b = $signed({{2{master4_q[31]}}, master4_q, 16'd0}) - $signed({{3{change_q[46]}}, change_q});
  assign up6 = b + $signed({34'd0, ~u_i});
  assign whole6 = up6 >>> 16;
  assign limit = $signed({19'd0, limit_i});
  assign over6 = whole6 > limit;
  assign under6 = whole6 < -limit;

  localparam logic signed [46:0] ChangeLimit = 47'sh4000_0000;
  logic change_over, change_under, code_saturated;
  logic signed [31:0] change;
  logic [31:0] latent, change_size, moved_q;
  logic [7:0] code_q;
  logic [1:0] saturated_q;
  assign change_over = $signed(change_q) > ChangeLimit;
  assign change_under = $signed(change_q) < -ChangeLimit;
  assign change = change_over ? 32'sh4000_0000 : (change_under ? -32'sh4000_0000 : $signed(change_q[31:0]));
  assign change_size = change[31] ? -change : change;
  // The latent weight, decoded or kept whole (N23.2), less the change
  logic signed [33:0] next, whole_limit;
  logic whole_over, whole_under;
  logic [31:0] kept, from;
  logic [23:0] kept_half_up;
  assign from = whole_i ? master4_q : latent;
  assign next = $signed({{2{from[31]}}, from}) - $signed({{2{change[31]}}, change});
  assign whole_limit = $signed({10'd0, qmax_i, 16'h7fff});
  assign whole_over = next > whole_limit;
  assign whole_under = next < -whole_limit;
  assign kept = whole_over ? whole_limit[31:0] : (whole_under ? -whole_limit[31:0] : next[31:0]);
  assign kept_half_up = kept[23:0] + 24'h00_8000;

  bl_polyline u_polyline (
      .q_i(master4_q[7:0]),
      .s_i(residual4_q),
      .read_level_i,
      .latent_o(latent),
      .next_i(next),
      .write_level_i,
      .stochastic_i(!half_up_i),
      .u_i,
      .limit_i(qmax_i),
      .q_o(code_q),
      .s_o(code_s),
      .saturated_o(code_saturated)
  );

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      {fresh_q, sum_q} <= '0;
      {master_q, master4_q, new_master_q, new_residual_q, moved_q, size_q} <= '0;
      {residual_q, residual4_q} <= '0;
      momentum_q <= 16'd0;
      momentum_saturated_q <= 1'b0;
      change_q <= 47'd0;
      saturated_q <= 2'd0;
    end else begin
      if (valid_i[1]) begin
        fresh_q <= 48'($signed(signed1));
        master_q <= master_i;
        residual_q <= residual_i;
      end
      if (valid_i[3]) begin
        sum_q <= fresh_q + 48'($signed(signed2));
        master4_q <= master_q;
        residual4_q <= residual_q;
      end
      if (valid_i[4]) begin
        momentum_q <= over4 ? momentum_limit[15:0] : (under4 ? -momentum_limit[15:0] : whole4[15:0]);
        momentum_saturated_q <= in_tile_i && !made_step_i && (over4 || under4);
        if (!in_tile_i) momentum_q <= 16'd0;
        size_q <= in_tile_i ? size4[31:0] : 32'd0;
      end
      if (valid_i[5]) change_q <= made_step_i ? sum_q[46:0] : signed2;
      if (valid_i[6]) begin
        moved_q <= change_size;
        new_residual_q <= {{28{code_s[3]}}, code_s};
        if (lwq_i && whole_i) begin
          new_master_q <= kept;
          new_residual_q <= {{24{kept_half_up[23]}}, kept_half_up[23:16]};
          saturated_q <= {1'b0, whole_over || whole_under} + {1'b0, change_over || change_under};
        end else if (lwq_i) begin
          new_master_q <= {{24{code_q[7]}}, code_q};
          saturated_q <= {1'b0, code_saturated} + {1'b0, change_over || change_under};
        end else begin
          new_master_q <= over6 ? {1'b0, limit_i} : (under6 ? -{1'b0, limit_i} : whole6[31:0]);
          saturated_q <= {1'b0, over6 || under6};
        end
        if (!in_tile_i) begin
          moved_q <= 32'd0;
          new_master_q <= 32'd0;
          new_residual_q <= 32'd0;
          saturated_q <= 2'd0;
        end
      end
    end
  end

  logic [31:0] master_size;
  assign master_size = new_master_q[31] ? -new_master_q : new_master_q;
  assign momentum_o = {{16{momentum_q[15]}}, momentum_q};
  assign momentum_saturated_o = momentum_saturated_q;
  assign master_o = new_master_q;
  assign residual_o = new_residual_q;
  assign magnitude_o = lwq_i ? size_q : master_size;
  assign saturated_o = saturated_q;
  assign moved_o = moved_q[30:0];

  logic unused_bits;
  assign unused_bits = ^{valid_i[2], moved_q[31], size4[47:32], whole4, kept_half_up[15:0]};

endmodule
