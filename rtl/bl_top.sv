// Bitloom's accelerator: four queues of commands (load, array, vector, store) that meet through tokens, their engines and
// the memories between them. docs/commands.md says what it does, docs/timing.md when.
module bl_top (
    input  logic                           clk_i,
    input  logic                           rst_ni,
    // AXI4-Lite: the host
    input  logic [                    7:0] s_awaddr_i,
    input  logic                           s_awvalid_i,
    output logic                           s_awready_o,
    input  logic [                   31:0] s_wdata_i,
    input  logic [                    3:0] s_wstrb_i,
    input  logic                           s_wvalid_i,
    output logic                           s_wready_o,
    output logic [                    1:0] s_bresp_o,
    output logic                           s_bvalid_o,
    input  logic                           s_bready_i,
    input  logic [                    7:0] s_araddr_i,
    input  logic                           s_arvalid_i,
    output logic                           s_arready_o,
    output logic [                   31:0] s_rdata_o,
    output logic [                    1:0] s_rresp_o,
    output logic                           s_rvalid_o,
    input  logic                           s_rready_i,
    // AXI4: DRAM. One ID, INCR bursts of full-width beats.
    output logic [                   63:0] m_araddr_o,
    output logic [                    7:0] m_arlen_o,
    output logic [                    2:0] m_arsize_o,
    output logic [                    1:0] m_arburst_o,
    output logic                           m_arvalid_o,
    input  logic                           m_arready_i,
    input  logic [bl_pkg::AXI_BYTES*8-1:0] m_rdata_i,
    input  logic [                    1:0] m_rresp_i,
    input  logic                           m_rlast_i,
    input  logic                           m_rvalid_i,
    output logic                           m_rready_o,
    output logic [                   63:0] m_awaddr_o,
    output logic [                    7:0] m_awlen_o,
    output logic [                    2:0] m_awsize_o,
    output logic [                    1:0] m_awburst_o,
    output logic                           m_awvalid_o,
    input  logic                           m_awready_i,
    output logic [bl_pkg::AXI_BYTES*8-1:0] m_wdata_o,
    output logic [  bl_pkg::AXI_BYTES-1:0] m_wstrb_o,
    output logic                           m_wlast_o,
    output logic                           m_wvalid_o,
    input  logic                           m_wready_i,
    input  logic [                    1:0] m_bresp_i,
    input  logic                           m_bvalid_i,
    output logic                           m_bready_o,
    // For observers, one cycle late: starts and ends of executions by queue, the INDEX they belong to, and what each queue
    // does: 0 no command, 1 waits for the token below, 2 runs, 3 takes a group.
    output logic                           trace_busy_o,
    output logic [                    3:0] trace_start_o,
    output logic [                    3:0] trace_done_o,
    output logic [                   95:0] trace_index_o,
    output logic [                    7:0] trace_state_o,
    output logic [                   19:0] trace_token_o
);

  localparam int Bytes = bl_pkg::AXI_BYTES;
  localparam int Word = Bytes * 8;
  localparam int VectorWord = bl_pkg::LANES * 32;
  localparam int RowW = (bl_pkg::ROWS > 1) ? $clog2(bl_pkg::ROWS) : 1;
  localparam int Groups = (bl_pkg::COLS + bl_pkg::LANES - 1) / bl_pkg::LANES;
  localparam int GroupW = (Groups > 1) ? $clog2(Groups) : 1;
  localparam int VinW = (bl_pkg::VIN_WORDS > 1) ? $clog2(bl_pkg::VIN_WORDS) : 1;
  localparam int RawW = (bl_pkg::VOUT_WORDS > 1) ? $clog2(bl_pkg::VOUT_WORDS) : 1;
  localparam int Load = 0, Array = 1, Vector = 2, Store = 3;
  localparam int Ahead = 4, PlaceW = $clog2(Ahead);  // LOADs, and STOREs, that may be under way

  // --- host -----------------------------------------------------------------------------------------------------------
  logic start, busy, stop, finish, error;
  logic [63:0] seed;
  logic [63:0] base, batch, program_addr;
  logic [31:0] step, learning_rate, program_length;
  logic [7:0] error_code;
  logic [23:0] error_index;

  bl_regs u_regs (
      .clk_i, .rst_ni,
      .s_awaddr_i, .s_awvalid_i, .s_awready_o, .s_wdata_i, .s_wstrb_i, .s_wvalid_i, .s_wready_o,
      .s_bresp_o, .s_bvalid_o, .s_bready_i, .s_araddr_i, .s_arvalid_i, .s_arready_o, .s_rdata_o, .s_rresp_o,
      .s_rvalid_o, .s_rready_i,
      .start_o(start), .busy_o(busy), .seed_o(seed), .step_o(step), .learning_rate_o(learning_rate),
      .base_o(base), .batch_o(batch), .program_o(program_addr), .length_o(program_length),
      .error_i(error), .error_code_i(error_code), .error_index_i(error_index), .stop_o(stop), .finish_i(finish)
  );

  // --- commands -------------------------------------------------------------------------------------------------------
  logic fetch_valid, fetch_grant, fetch_beat, fetch_error, program_end, reads_idle, tokens_zero;
  logic [63:0] fetch_addr;
  logic [8:0] fetch_beats;
  logic [7:0] fetch_code;
  logic [23:0] fetch_error_index, fetch_index;
  logic [3:0] push, push_ready;
  logic [511:0] push_cmd;

  logic [3:0] head_valid, head_pop, idle, looping, running, active, checking, exec_start, exec_done, engine_done;
  logic [3:0] token_ready, token_early, token_take, token_take_early, token_overflow;
  logic [3:0] exec_valid, exec_closed, exec_first, exec_last;
  logic [63:0] token_need, token_send;
  logic [19:0] token_lack;
  logic [4*512-1:0] exec_cmd;
  logic [4*64-1:0] exec_addr;
  logic [4*32-1:0] exec_row0, exec_col0, exec_i1;
  logic [4*16-1:0] exec_rows, exec_cols, exec_i0, exec_i2;
  logic [4*24-1:0] index;
  logic [4*4-1:0] exec_par;
  logic load_end, store_end;

  bl_fetch u_fetch (
      .clk_i, .rst_ni, .start_i(start), .stop_i(stop), .program_i(program_addr), .length_i(program_length),
      .burst_valid_o(fetch_valid), .burst_addr_o(fetch_addr), .burst_beats_o(fetch_beats),
      .burst_grant_i(fetch_grant), .beat_valid_i(fetch_beat), .beat_data_i(m_rdata_i),
      .push_o(push), .push_cmd_o(push_cmd), .push_ready_i(push_ready),
      .queues_idle_i(&(idle & ~head_valid)), .queues_cut_i(|(~idle & ~head_valid & ~looping)),
      .tokens_zero_i(tokens_zero), .reads_idle_i(reads_idle), .end_o(program_end), .error_o(fetch_error), .error_code_o(fetch_code),
      .error_index_o(fetch_error_index), .fetch_index_o(fetch_index)
  );

  for (genvar q = 0; q < 4; q++) begin : g_queue
    logic [511:0] head_cmd;
    bl_queue #(
        .Depth(bl_pkg::QUEUE_DEPTH)
    ) u_queue (
        .clk_i, .rst_ni, .flush_i(start), .push_i(push[q]), .data_i(push_cmd), .ready_o(push_ready[q]),
        .valid_o(head_valid[q]), .data_o(head_cmd), .pop_i(head_pop[q])
    );
    bl_seq #(
        .Vector(q == Vector), .Ahead(q == Load || q == Store ? Ahead : 0), .Stores(q == Store)
    ) u_seq (
        .clk_i, .rst_ni, .flush_i(start), .stop_i(stop), .base_i(base), .batch_i(batch),
        .head_valid_i(head_valid[q]), .head_cmd_i(head_cmd), .head_pop_o(head_pop[q]),
        .need_o(token_need[q*16+:16]), .ready_i(token_ready[q]), .early_i(token_early[q]), .take_o(token_take[q]),
        .take_early_o(token_take_early[q]), .send_o(token_send[q*16+:16]),
        .exec_valid_o(exec_valid[q]), .exec_cmd_o(exec_cmd[q*512+:512]), .exec_addr_o(exec_addr[q*64+:64]),
        .exec_rows_o(exec_rows[q*16+:16]), .exec_cols_o(exec_cols[q*16+:16]),
        .exec_row0_o(exec_row0[q*32+:32]), .exec_col0_o(exec_col0[q*32+:32]),
        .exec_i0_o(exec_i0[q*16+:16]), .exec_i1_o(exec_i1[q*32+:32]), .exec_i2_o(exec_i2[q*16+:16]),
        .exec_par_o(exec_par[q*4+:4]), .exec_first_o(exec_first[q]), .exec_last_o(exec_last[q]),
        .exec_closed_o(exec_closed[q]), .exec_done_i(engine_done[q]),
        .exec_end_i((q == Load && load_end) || (q == Store && store_end)),
        .idle_o(idle[q]), .looping_o(looping[q]), .running_o(running[q]), .busy_o(active[q]),
        .checking_o(checking[q]),
        .start_o(exec_start[q]), .done_o(exec_done[q]), .index_o(index[q*24+:24])
    );
  end

  bl_tokens u_tokens (
      .clk_i, .rst_ni, .flush_i(start), .need_i(token_need), .take_i(token_take), .take_early_i(token_take_early),
      .send_i(token_send), .ready_o(token_ready), .early_o(token_early), .lack_o(token_lack), .zero_o(tokens_zero),
      .overflow_o(token_overflow)
  );

  // --- errors and the end ---------------------------------------------------------------------------------------------
  logic load_beat;
  logic [23:0] load_end_index, load_beat_index, store_index;
  always_comb begin
    error = 1'b1;
    error_code = bl_pkg::ERR_READ_RESPONSE;
    error_index = fetch_index;
    if (m_rvalid_i && m_rresp_i[1]) begin
      if (load_beat) error_index = load_beat_index;
    end else if (m_bvalid_i && m_bresp_i[1]) begin
      error_code  = bl_pkg::ERR_WRITE_RESPONSE;
      error_index = store_index;
    end else if (token_overflow != 4'd0) begin
      error_code = bl_pkg::ERR_TOKEN_OVERFLOW;
      for (int q = 3; q >= 0; q--) begin
        if (token_overflow[q]) begin
          error_index = index[q*24+:24];
          if (q == Load && load_end) error_index = load_end_index;
          if (q == Store && store_end) error_index = store_index;
        end
      end
    end else if (fetch_error) begin
      error_code  = fetch_code;
      error_index = fetch_error_index;
    end else begin
      error = 1'b0;
      error_code = bl_pkg::ERR_NONE;
    end
  end
  // After an error what runs comes to its end and reads arrive; then the machine rests.
  assign finish = stop ? (running == 4'd0 && reads_idle) : (program_end && !error);

  // --- load -----------------------------------------------------------------------------------------------------------
  logic load_valid, load_grant;
  logic [PlaceW-1:0] load_burst_tag, load_beat_tag;
  logic [63:0] load_addr;
  logic [8:0] load_beats;
  logic a_we, b_we, vin_we, load_transpose, load_buffer;
  logic [2:0] load_width;
  logic [2:0] load_bit;
  logic [5:0] load_lane, load_byte;
  logic [8:0] load_tiles;
  logic [15:0] load_word, load_step;
  logic [Word-1:0] load_data;
  logic [VectorWord-1:0] load_vin;
  logic [Bytes-1:0] load_present;

  bl_load #(
      .Ahead(Ahead)
  ) u_load (
      .clk_i, .rst_ni,
      .exec_valid_i(exec_valid[Load]), .exec_cmd_i(exec_cmd[Load*512+:512]), .exec_addr_i(exec_addr[Load*64+:64]),
      .exec_rows_i(exec_rows[Load*16+:16]), .exec_cols_i(exec_cols[Load*16+:16]),
      .exec_row0_i(exec_row0[Load*32+:32]), .exec_col0_i(exec_col0[Load*32+:32]),
      .exec_i1_i(exec_i1[Load*32+:32]), .exec_i2_i(exec_i2[Load*16+:16]),
      .exec_par_i(exec_par[Load*4+:4]), .exec_closed_i(exec_closed[Load]), .exec_done_o(engine_done[Load]),
      .end_o(load_end), .end_index_o(load_end_index),
      .burst_valid_o(load_valid), .burst_addr_o(load_addr), .burst_beats_o(load_beats), .burst_load_o(load_burst_tag),
      .burst_grant_i(load_grant),
      .beat_valid_i(load_beat), .beat_load_i(load_beat_tag), .beat_index_o(load_beat_index), .beat_data_i(m_rdata_i),
      .a_we_o(a_we), .b_we_o(b_we), .vin_we_o(vin_we), .transpose_o(load_transpose), .buffer_o(load_buffer),
      .lane_o(load_lane), .word_o(load_word), .step_o(load_step), .tiles_o(load_tiles), .byte_o(load_byte),
      .bit_o(load_bit), .width_o(load_width), .data_o(load_data), .vin_data_o(load_vin), .present_o(load_present)
  );

  bl_read_arbiter #(
      .LoadW(PlaceW)
  ) u_read_arbiter (
      .clk_i, .rst_ni,
      .fetch_valid_i(fetch_valid), .fetch_addr_i(fetch_addr), .fetch_beats_i(fetch_beats),
      .fetch_grant_o(fetch_grant), .fetch_beat_o(fetch_beat),
      .load_valid_i(load_valid), .load_addr_i(load_addr), .load_beats_i(load_beats), .load_tag_i(load_burst_tag),
      .load_grant_o(load_grant), .load_beat_o(load_beat), .load_tag_o(load_beat_tag),
      .araddr_o(m_araddr_o), .arlen_o(m_arlen_o), .arvalid_o(m_arvalid_o), .arready_i(m_arready_i),
      .rvalid_i(m_rvalid_i), .rlast_i(m_rlast_i), .idle_o(reads_idle)
  );
  assign m_arsize_o = 3'($clog2(Bytes));
  assign m_arburst_o = 2'b01;
  assign m_rready_o = 1'b1;

  // --- array ----------------------------------------------------------------------------------------------------------
  logic spad_re, a_buffer, b_buffer, acc_re, acc_we;
  logic [7:0] acc_tile;
  logic [15:0] a_word, b_word;
  logic [bl_pkg::ROWS*Word-1:0] a_data;
  logic [bl_pkg::ROWS*Bytes-1:0] a_present;
  logic [bl_pkg::COLS*Bytes-1:0] unused_b_present;
  logic [bl_pkg::COLS*Word-1:0] b_data;
  logic [5:0] acc_row;
  logic [bl_pkg::COLS*48-1:0] acc_rdata, acc_wdata;

  bl_lane_memory #(
      .Lanes(bl_pkg::ROWS), .Words(bl_pkg::SPAD_A_WORDS), .Present(1'b1)
  ) u_spad_a (
      .clk_i, .we_i(a_we), .transpose_i(load_transpose), .wbuffer_i(load_buffer), .wlane_i(load_lane),
      .waddr_i(load_word), .wstep_i(load_step), .wtiles_i(load_tiles), .wbyte_i(load_byte), .wbit_i(load_bit),
      .wwidth_i(load_width), .wdata_i(load_data), .wpresent_i(load_present),
      .re_i(spad_re), .rbuffer_i(a_buffer), .raddr_i(a_word), .rdata_o(a_data), .rpresent_o(a_present)
  );
  bl_lane_memory #(
      .Lanes(bl_pkg::COLS), .Words(bl_pkg::SPAD_B_WORDS), .Present(1'b0)
  ) u_spad_b (
      .clk_i, .we_i(b_we), .transpose_i(load_transpose), .wbuffer_i(load_buffer), .wlane_i(load_lane),
      .waddr_i(load_word), .wstep_i(load_step), .wtiles_i(load_tiles), .wbyte_i(load_byte), .wbit_i(load_bit),
      .wwidth_i(load_width), .wdata_i(load_data), .wpresent_i(load_present),
      .re_i(spad_re), .rbuffer_i(b_buffer), .raddr_i(b_word), .rdata_o(b_data), .rpresent_o(unused_b_present)
  );
  bl_gemm u_gemm (
      .clk_i, .rst_ni, .flush_i(start),
      .exec_valid_i(exec_valid[Array]), .exec_cmd_i(exec_cmd[Array*512+:512]),
      .exec_cols_i(exec_cols[Array*16+:16]), .exec_i0_i(exec_i0[Array*16+:16]),
      .exec_i1_i(exec_i1[Array*32+:32]), .exec_i2_i(exec_i2[Array*16+:16]),
      .exec_par_i(exec_par[Array*4+:4]), .exec_done_o(engine_done[Array]),
      .spad_re_o(spad_re), .a_buffer_o(a_buffer), .a_word_o(a_word), .a_data_i(a_data),
      .a_present_i(a_present),
      .b_buffer_o(b_buffer), .b_word_o(b_word), .b_data_i(b_data),
      .acc_re_o(acc_re), .acc_tile_o(acc_tile), .acc_row_o(acc_row), .acc_rdata_i(acc_rdata),
      .acc_we_o(acc_we), .acc_wdata_o(acc_wdata)
  );

  logic [7:0] tile_number;
  logic [RowW-1:0] tile_row;
  logic [GroupW-1:0] tile_group;
  logic [bl_pkg::LANES*48-1:0] tile_data;
  bl_acc u_acc (
      .clk_i, .re_i(acc_re), .tile_i(acc_tile), .row_i(acc_row), .rdata_o(acc_rdata),
      .we_i(acc_we), .wdata_i(acc_wdata),
      .acc_tile_i(tile_number), .acc_row_i(tile_row), .acc_group_i(tile_group), .acc_data_o(tile_data)
  );

  // --- vector ---------------------------------------------------------------------------------------------------------
  logic [VinW-1:0] vin_addr;
  logic [RawW-1:0] raw_addr;
  logic [VectorWord-1:0] vin_data, raw_data;
  logic raw_we;

  bl_memory #(
      .Words(bl_pkg::VIN_WORDS), .Units(1), .Bits(VectorWord)
  ) u_vin (
      .clk_i, .we_i(vin_we), .waddr_i(load_word[VinW-1:0]), .wdata_i(load_vin),
      .re_i(1'b1), .raddr_i(vin_addr), .rdata_o(vin_data)
  );

  bl_vector u_vector (
      .clk_i, .rst_ni, .start_i(start), .seed_i(seed), .step_i(step), .lr_i(learning_rate),
      .exec_valid_i(exec_valid[Vector]), .exec_cmd_i(exec_cmd[Vector*512+:512]),
      .exec_addr_i(exec_addr[Vector*64+:64]), .exec_rows_i(exec_rows[Vector*16+:16]),
      .exec_cols_i(exec_cols[Vector*16+:16]), .exec_row0_i(exec_row0[Vector*32+:32]),
      .exec_col0_i(exec_col0[Vector*32+:32]), .exec_i0_i(exec_i0[Vector*16+:16]),
      .exec_i1_i(exec_i1[Vector*32+:32]), .exec_i2_i(exec_i2[Vector*16+:16]), .exec_par_i(exec_par[Vector*4+:4]),
      .exec_first_i(exec_first[Vector]), .exec_last_i(exec_last[Vector]), .exec_done_o(engine_done[Vector]),
      .acc_tile_o(tile_number), .acc_row_o(tile_row), .acc_group_o(tile_group), .acc_data_i(tile_data),
      .vin_addr_o(vin_addr), .vin_data_i(vin_data),
      .raw_we_o(raw_we), .raw_addr_o(raw_addr), .raw_data_o(raw_data)
  );

  // --- store ----------------------------------------------------------------------------------------------------------
  logic vout_re;
  logic [15:0] vout_word;
  logic [VectorWord-1:0] vout_data;

  bl_memory #(
      .Words(bl_pkg::VOUT_WORDS), .Units(1), .Bits(VectorWord)
  ) u_vout (
      .clk_i, .we_i(raw_we), .waddr_i(raw_addr), .wdata_i(raw_data),
      .re_i(vout_re), .raddr_i(vout_word[RawW-1:0]), .rdata_o(vout_data)
  );
  bl_store #(
      .Ahead(Ahead)
  ) u_store (
      .clk_i, .rst_ni,
      .exec_valid_i(exec_valid[Store]), .exec_cmd_i(exec_cmd[Store*512+:512]),
      .exec_addr_i(exec_addr[Store*64+:64]), .exec_rows_i(exec_rows[Store*16+:16]),
      .exec_cols_i(exec_cols[Store*16+:16]), .exec_row0_i(exec_row0[Store*32+:32]),
      .exec_col0_i(exec_col0[Store*32+:32]), .exec_par_i(exec_par[Store*4+:4]), .exec_done_o(engine_done[Store]),
      .end_o(store_end), .oldest_index_o(store_index),
      .vout_re_o(vout_re), .vout_word_o(vout_word), .vout_data_i(vout_data),
      .awaddr_o(m_awaddr_o), .awlen_o(m_awlen_o), .awvalid_o(m_awvalid_o), .awready_i(m_awready_i),
      .wdata_o(m_wdata_o), .wstrb_o(m_wstrb_o), .wlast_o(m_wlast_o), .wvalid_o(m_wvalid_o), .wready_i(m_wready_i),
      .bvalid_i(m_bvalid_i)
  );
  assign m_awsize_o = 3'($clog2(Bytes));
  assign m_awburst_o = 2'b01;
  assign m_bready_o = 1'b1;

  // --- observers ------------------------------------------------------------------------------------------------------
  logic busy_q;
  logic [3:0] start_q, done_q;
  logic [95:0] index_q;
  logic [7:0] state_q;
  logic [19:0] token_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      busy_q  <= 1'b0;
      start_q <= '0;
      done_q  <= '0;
    end else begin
      busy_q  <= busy;
      start_q <= exec_start;
      done_q  <= exec_done;
    end
    index_q <= index;
    token_q <= token_lack;
    for (int q = 0; q < 4; q++) begin
      state_q[q*2+:2] <= active[q] ? 2'd2 : checking[q] ? 2'd1 : idle[q] ? 2'd0 : 2'd3;
    end
  end
  assign trace_busy_o = busy_q;
  assign trace_start_o = start_q;
  assign trace_done_o = done_q;
  assign trace_index_o = index_q;
  assign trace_state_o = state_q;
  assign trace_token_o = token_q;

  // These belong to the one interface that all engines have.
  logic unused_exec;
  assign unused_exec = ^{exec_addr, exec_rows, exec_row0, exec_col0, exec_i0, exec_i1, exec_i2, exec_first, exec_last,
                         exec_closed, exec_cols, m_rresp_i[0], m_bresp_i[0], vout_word, load_word, unused_b_present};

endmodule
