// Random words (N4): the keys of the commands of a loop group, and the pipes that turn an element's row and block into 64
// bits. Keys are made once a command, at its first execution, and kept for its later ones: a command finds its keys by the
// lowest two bits of its index, which differ within a group.
module bl_random (
    input  logic         clk_i,
    input  logic         rst_ni,
    input  logic [ 63:0] seed_i,
    input  logic [ 31:0] step_i,
    input  logic [  1:0] slot_i,
    // Makes key key_sel_i of the slot; key_done_o is high 21 cycles later, and the key can be used in the next cycle.
    input  logic         key_start_i,
    input  logic         key_sel_i,
    input  logic [ 31:0] key_address_i,  // tensor, use, sample (N4.2)
    output logic         key_done_o,
    // Draws: 8 random bits a lane or, where whole_i, 16, from block_i and those behind it, 14 cycles later.
    input  logic         valid_i,
    input  logic         whole_i,
    input  logic         sel_i,
    input  logic [ 31:0] row_i,
    input  logic [ 31:0] block_i,
    output logic [bl_pkg::RANDOM16_BITS-1:0] word_o  // the first block lowest
);

  logic [63:0] key_q[8];
  logic [63:0] key_word;
  logic [2:0] target_q;
  logic [127:0] keys;

  bl_threefry_key u_key (
      .clk_i,
      .rst_ni,
      .start_i(key_start_i),
      .key_i(seed_i),
      .counter_i({key_address_i, step_i}),
      .done_o(key_done_o),
      .word_o(key_word)
  );

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      target_q <= 3'd0;
      for (int i = 0; i < 8; i++) key_q[i] <= 64'd0;
    end else begin
      if (key_start_i) target_q <= {slot_i, key_sel_i};
      if (key_done_o) key_q[target_q] <= key_word;
    end
  end

  assign keys = {key_q[{slot_i, 1'b1}], key_q[{slot_i, 1'b0}]};

  // A block has 64 bits; the first pipes make those of 8 bits a lane.
  localparam int Pipes = bl_pkg::RANDOM16_BITS / 64;
  for (genvar p = 0; p < Pipes; p++) begin : g_pipe
    logic unused_valid;
    bl_threefry u_pipe (
        .clk_i,
        .rst_ni,
        .valid_i(valid_i && (whole_i || p < bl_pkg::RANDOM8_BITS / 64)),
        .sel_i,
        .keys_i(keys),
        .row_i,
        .block_i(block_i + 32'(p)),
        .valid_o(unused_valid),
        .word_o(word_o[p*64+:64])
    );
  end

endmodule
