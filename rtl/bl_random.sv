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
    // Draws: the words of block_i and, where second_i, of block_i + 1, 14 cycles later.
    input  logic         valid_i,
    input  logic         second_i,
    input  logic         sel_i,
    input  logic [ 31:0] row_i,
    input  logic [ 31:0] block_i,
    output logic [127:0] word_o          // {block + 1, block}
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

  logic unused_valid0;
  bl_threefry u_pipe0 (
      .clk_i,
      .rst_ni,
      .valid_i,
      .sel_i,
      .keys_i(keys),
      .row_i,
      .block_i,
      .valid_o(unused_valid0),
      .word_o(word_o[63:0])
  );

  // With fewer than 8 lanes a group never needs more than one block.
  if (bl_pkg::LANES > 4) begin : g_second
    logic unused_valid1;
    bl_threefry u_pipe1 (
        .clk_i,
        .rst_ni,
        .valid_i(valid_i && second_i),
        .sel_i,
        .keys_i(keys),
        .row_i,
        .block_i(block_i + 32'd1),
        .valid_o(unused_valid1),
        .word_o(word_o[127:64])
    );
  end else begin : g_one
    logic unused_second;
    assign unused_second = second_i;
    assign word_o[127:64] = 64'd0;
  end

endmodule
