// The host's registers behind AXI4-Lite: parameters of a program, start, status, error and the cycle counter.
module bl_regs (
    input  logic        clk_i,
    input  logic        rst_ni,
    // AXI4-Lite
    input  logic [ 7:0] s_awaddr_i,
    input  logic        s_awvalid_i,
    output logic        s_awready_o,
    input  logic [31:0] s_wdata_i,
    input  logic [ 3:0] s_wstrb_i,
    input  logic        s_wvalid_i,
    output logic        s_wready_o,
    output logic [ 1:0] s_bresp_o,
    output logic        s_bvalid_o,
    input  logic        s_bready_i,
    input  logic [ 7:0] s_araddr_i,
    input  logic        s_arvalid_i,
    output logic        s_arready_o,
    output logic [31:0] s_rdata_o,
    output logic [ 1:0] s_rresp_o,
    output logic        s_rvalid_o,
    input  logic        s_rready_i,
    // to the machine
    output logic        start_o,          // the edge at its end is cycle 0
    output logic        busy_o,
    output logic [63:0] seed_o,
    output logic [31:0] step_o,
    output logic [31:0] learning_rate_o,
    output logic [63:0] base_o,
    output logic [63:0] batch_o,
    output logic [63:0] program_o,
    output logic [31:0] length_o,
    // from the machine
    input  logic        error_i,
    input  logic [ 7:0] error_code_i,
    input  logic [23:0] error_index_i,
    output logic        stop_o,           // an error: start nothing more
    input  logic        finish_i
);

  logic aw_q, w_q, b_q, r_q;
  logic [7:0] awaddr_q;
  logic [31:0] wdata_q, rdata_q, rdata;
  logic [3:0] wstrb_q;
  logic write;

  logic [63:0] seed_q, cycles_q, base_q, batch_q, program_q;
  logic [31:0] step_q, learning_rate_q, length_q, error_q;
  logic busy_q, done_q, stop_q;

  // --- AXI4-Lite ------------------------------------------------------------------------------------------------------
  assign write = aw_q && w_q && !b_q;
  assign s_awready_o = !aw_q;
  assign s_wready_o = !w_q;
  assign s_bvalid_o = b_q;
  assign s_bresp_o = 2'b00;
  assign s_arready_o = !r_q;
  assign s_rvalid_o = r_q;
  assign s_rdata_o = rdata_q;
  assign s_rresp_o = 2'b00;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      aw_q <= 1'b0;
      w_q  <= 1'b0;
      b_q  <= 1'b0;
      r_q  <= 1'b0;
    end else begin
      if (write) aw_q <= 1'b0;
      else if (s_awvalid_i) aw_q <= 1'b1;
      if (write) w_q <= 1'b0;
      else if (s_wvalid_i) w_q <= 1'b1;
      if (write) b_q <= 1'b1;
      else if (s_bready_i) b_q <= 1'b0;
      if (!r_q) r_q <= s_arvalid_i;
      else if (s_rready_i) r_q <= 1'b0;
    end
  end
  always_ff @(posedge clk_i) begin
    if (!aw_q && s_awvalid_i) awaddr_q <= s_awaddr_i;
    if (!w_q && s_wvalid_i) begin
      wdata_q <= s_wdata_i;
      wstrb_q <= s_wstrb_i;
    end
    if (!r_q && s_arvalid_i) rdata_q <= rdata;
  end

  // --- registers ------------------------------------------------------------------------------------------------------
  logic [31:0] mask;
  assign mask = {{8{wstrb_q[3]}}, {8{wstrb_q[2]}}, {8{wstrb_q[1]}}, {8{wstrb_q[0]}}};
  assign start_o = write && (awaddr_q == bl_pkg::REG_CONTROL) && wdata_q[0] && wstrb_q[0] && !busy_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      seed_q <= '0;
      step_q <= '0;
      learning_rate_q <= '0;
      base_q <= '0;
      batch_q <= '0;
      program_q <= '0;
      length_q <= '0;
    end else if (write) begin
      case (awaddr_q)
        bl_pkg::REG_SEED_LO: seed_q[31:0] <= (seed_q[31:0] & ~mask) | (wdata_q & mask);
        bl_pkg::REG_SEED_HI: seed_q[63:32] <= (seed_q[63:32] & ~mask) | (wdata_q & mask);
        bl_pkg::REG_STEP: step_q <= (step_q & ~mask) | (wdata_q & mask);
        bl_pkg::REG_LEARNING_RATE: learning_rate_q <= (learning_rate_q & ~mask) | (wdata_q & mask);
        bl_pkg::REG_BASE: base_q[31:0] <= (base_q[31:0] & ~mask) | (wdata_q & mask);
        bl_pkg::REG_BASE_HIGH: base_q[63:32] <= (base_q[63:32] & ~mask) | (wdata_q & mask);
        bl_pkg::REG_BATCH: batch_q[31:0] <= (batch_q[31:0] & ~mask) | (wdata_q & mask);
        bl_pkg::REG_BATCH_HIGH: batch_q[63:32] <= (batch_q[63:32] & ~mask) | (wdata_q & mask);
        bl_pkg::REG_PROGRAM: program_q[31:0] <= (program_q[31:0] & ~mask) | (wdata_q & mask);
        bl_pkg::REG_PROGRAM_HIGH: program_q[63:32] <= (program_q[63:32] & ~mask) | (wdata_q & mask);
        bl_pkg::REG_PROGRAM_LENGTH: length_q <= (length_q & ~mask) | (wdata_q & mask);
        default: ;
      endcase
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      busy_q <= 1'b0;
      done_q <= 1'b0;
      stop_q <= 1'b0;
      error_q <= '0;
      cycles_q <= '0;
    end else if (start_o) begin
      busy_q <= 1'b1;
      done_q <= 1'b0;
      stop_q <= 1'b0;
      error_q <= '0;
      cycles_q <= '0;
    end else if (busy_q) begin
      cycles_q <= cycles_q + 64'd1;
      if (error_i && !stop_q) begin
        stop_q  <= 1'b1;
        error_q <= {error_index_i, error_code_i};
      end
      if (finish_i) begin
        busy_q <= 1'b0;
        done_q <= 1'b1;
      end
    end
  end

  always_comb begin
    case (s_araddr_i)
      bl_pkg::REG_STATUS: rdata = {29'd0, stop_q && done_q, done_q, busy_q};
      bl_pkg::REG_ERROR: rdata = error_q;
      bl_pkg::REG_SEED_LO: rdata = seed_q[31:0];
      bl_pkg::REG_SEED_HI: rdata = seed_q[63:32];
      bl_pkg::REG_STEP: rdata = step_q;
      bl_pkg::REG_LEARNING_RATE: rdata = learning_rate_q;
      bl_pkg::REG_BASE: rdata = base_q[31:0];
      bl_pkg::REG_BASE_HIGH: rdata = base_q[63:32];
      bl_pkg::REG_BATCH: rdata = batch_q[31:0];
      bl_pkg::REG_BATCH_HIGH: rdata = batch_q[63:32];
      bl_pkg::REG_PROGRAM: rdata = program_q[31:0];
      bl_pkg::REG_PROGRAM_HIGH: rdata = program_q[63:32];
      bl_pkg::REG_PROGRAM_LENGTH: rdata = length_q;
      bl_pkg::REG_CYCLES_LO: rdata = cycles_q[31:0];
      bl_pkg::REG_CYCLES_HI: rdata = cycles_q[63:32];
      bl_pkg::REG_ID: rdata = bl_pkg::CONFIG_HASH;
      default: rdata = '0;
    endcase
  end

  assign busy_o = busy_q;
  assign stop_o = stop_q;
  assign seed_o = seed_q;
  assign step_o = step_q;
  assign learning_rate_o = learning_rate_q;
  assign base_o = base_q;
  assign batch_o = batch_q;
  assign program_o = program_q;
  assign length_o = length_q;

endmodule
