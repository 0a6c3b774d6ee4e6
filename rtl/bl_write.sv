// Writes the results of a group to VOUT: up to three words, one a cycle from the cycle after push_i on, the k-th of them to section k.
module bl_write #(
    parameter int V = bl_pkg::LANES,
    parameter int RawW = bl_pkg::VOUT_WORDS > 1 ? $clog2(bl_pkg::VOUT_WORDS) : 1
) (
    input  logic              clk_i,
    input  logic              rst_ni,
    input  logic              push_i,
    input  logic [       2:0] enable_i,  // which of the words
    input  logic [3*V*32-1:0]  words_i,
    input  logic [      15:0] index_i,
    input  logic [      15:0] stride_i,
    input  logic              parity_i,
    output logic              we_o,
    output logic [  RawW-1:0] addr_o,
    output logic [   V*32-1:0] data_o
);

  logic [2:0] left_q, chosen;
  logic [3*V*32-1:0] words_q;
  logic [15:0] address_q;
  assign chosen = left_q & (~left_q + 3'd1);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      left_q <= 3'd0;
      words_q <= '0;
      address_q <= 16'd0;
    end else if (push_i) begin
      left_q <= enable_i;
      words_q <= words_i;
      address_q <= index_i + (parity_i ? stride_i : 16'd0);
    end else begin
      left_q <= left_q & ~chosen;
      address_q <= address_q + (stride_i << 1);
    end
  end

  assign we_o = left_q != 3'd0;
  assign addr_o = address_q[RawW-1:0];
  always_comb begin
    data_o = words_q[V*32-1:0];
    if (chosen[1]) data_o = words_q[V*32+:V*32];
    if (chosen[2]) data_o = words_q[2*V*32+:V*32];
  end

  logic unused_bits;
  assign unused_bits = ^address_q;

endmodule
