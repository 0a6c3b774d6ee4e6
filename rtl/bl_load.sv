// The read DMA: fetches rows of whole beats from DRAM into a scratchpad or VIN. Bursts are asked for ahead of the data, one
// a cycle; a burst ends at a row's end, after MAX_BURST beats or at a 4 KiB boundary. Beats go straight to the memory.
module bl_load (
    input  logic         clk_i,
    input  logic         rst_ni,
    // sequencer
    input  logic         exec_valid_i,
    input  logic [511:0] exec_cmd_i,
    input  logic [ 31:0] exec_addr_i,
    input  logic [ 15:0] exec_rows_i,
    input  logic [ 15:0] exec_cols_i,
    input  logic [  3:0] exec_par_i,
    output logic         exec_done_o,
    // bursts, to the arbiter
    output logic         burst_valid_o,
    output logic [ 31:0] burst_addr_o,
    output logic [  8:0] burst_beats_o,
    input  logic         burst_grant_i,
    // beats of these bursts, in order
    input  logic         beat_valid_i,
    // where the beat of this cycle goes
    output logic         a_we_o,
    output logic         b_we_o,
    output logic         vin_we_o,
    output logic         buffer_o,       // scratchpads
    output logic [  4:0] lane_o,
    output logic [ 15:0] word_o          // scratchpads: word of the buffer; VIN: word
);

  localparam int ByteW = $clog2(bl_pkg::AXI_BYTES);

  logic active_q;
  logic [12:0] row_beats;  // of one row
  assign row_beats = 13'(({1'b0, exec_cols_i} + 17'(bl_pkg::AXI_BYTES - 1)) >> ByteW);

  logic parity, empty;
  logic [15:0] first_word;
  logic [3:0] target;
  assign target = exec_cmd_i[bl_pkg::F_TARGET_LSB+:4];
  assign parity = exec_par_i[exec_cmd_i[bl_pkg::F_PARITY0_LSB+:2]];
  assign first_word = exec_cmd_i[bl_pkg::F_LOCAL_BASE_LSB+:16] +
      ((target == bl_pkg::TARGET_VIN && parity) ? exec_cmd_i[bl_pkg::F_LOCAL_STRIDE_LSB+:16] : 16'd0);
  assign empty = (exec_rows_i == 16'd0) || (exec_cols_i == 16'd0);

  // --- addresses ------------------------------------------------------------------------------------------------------
  logic [15:0] ask_rows_q;              // rows that are not wholly asked for
  logic [12:0] ask_beats_q;             // beats of the current row that are not asked for
  logic [31:0] ask_row_q, ask_addr_q;   // its start; where its next burst starts
  logic [ 9:0] to_boundary;
  logic [12:0] beats;
  logic row_asked;

  assign to_boundary = 10'((13'd4096 - {1'b0, ask_addr_q[11:0]}) >> ByteW);
  always_comb begin
    beats = ask_beats_q;
    if (beats > 13'(bl_pkg::MAX_BURST)) beats = 13'(bl_pkg::MAX_BURST);
    if (beats > {3'd0, to_boundary}) beats = {3'd0, to_boundary};
  end
  assign row_asked = (beats == ask_beats_q);
  assign burst_valid_o = active_q && (ask_rows_q != 16'd0);
  assign burst_addr_o = ask_addr_q;
  assign burst_beats_o = beats[8:0];

  // --- data -----------------------------------------------------------------------------------------------------------
  logic [15:0] row_q, word_q, row_word_q;
  logic [12:0] beat_q;
  logic row_end, last;
  assign row_end = (beat_q + 13'd1 == row_beats);
  assign last = row_end && (row_q + 16'd1 == exec_rows_i);
  assign a_we_o = beat_valid_i && (target == bl_pkg::TARGET_SPAD_A);
  assign b_we_o = beat_valid_i && (target == bl_pkg::TARGET_SPAD_B);
  assign vin_we_o = beat_valid_i && (target == bl_pkg::TARGET_VIN);
  assign buffer_o = parity;
  assign lane_o = row_q[4:0];
  assign word_o = word_q;
  assign exec_done_o = active_q ? (beat_valid_i && last) : (exec_valid_i && empty);

  logic [15:0] next_row_word;
  assign next_row_word = row_word_q + ((target == bl_pkg::TARGET_VIN) ? exec_cmd_i[bl_pkg::F_LOCAL_PITCH_LSB+:16] : 16'd0);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) active_q <= 1'b0;
    else if (!active_q) active_q <= exec_valid_i && !empty;
    else if (exec_done_o) active_q <= 1'b0;
  end

  always_ff @(posedge clk_i) begin
    if (!active_q) begin
      if (exec_valid_i) begin
        ask_rows_q <= exec_rows_i;
        ask_beats_q <= row_beats;
        ask_row_q <= exec_addr_i;
        ask_addr_q <= exec_addr_i;
        row_q <= '0;
        beat_q <= '0;
        word_q <= first_word;
        row_word_q <= first_word;
      end
    end else begin
      if (burst_grant_i) begin
        if (row_asked) begin
          ask_rows_q <= ask_rows_q - 16'd1;
          ask_beats_q <= row_beats;
          ask_row_q <= ask_row_q + exec_cmd_i[bl_pkg::F_PITCH_LSB+:32];
          ask_addr_q <= ask_row_q + exec_cmd_i[bl_pkg::F_PITCH_LSB+:32];
        end else begin
          ask_beats_q <= ask_beats_q - beats;
          ask_addr_q <= ask_addr_q + (32'(beats) << ByteW);
        end
      end
      if (beat_valid_i) begin
        beat_q <= row_end ? 13'd0 : beat_q + 13'd1;
        word_q <= row_end ? next_row_word : word_q + 16'd1;
        if (row_end) begin
          row_q <= row_q + 16'd1;
          row_word_q <= next_row_word;
        end
      end
    end
  end

  logic unused_command;
  assign unused_command = ^exec_cmd_i;

endmodule
