// Shares the read channel between command fetch and the load DMA. Fetch goes first: it asks for few and short bursts, and a
// queue without commands wastes more than a late operand. At most MAX_OUTSTANDING bursts are granted and not finished.
module bl_read_arbiter #(
    parameter int LoadW = 2  // bits that a burst of the load DMA brings along
) (
    input  logic        clk_i,
    input  logic        rst_ni,
    // command fetch
    input  logic        fetch_valid_i,
    input  logic [63:0] fetch_addr_i,
    input  logic [ 8:0] fetch_beats_i,
    output logic        fetch_grant_o,
    output logic        fetch_beat_o,   // the beat of this cycle is its
    // load DMA
    input  logic        load_valid_i,
    input  logic [63:0] load_addr_i,
    input  logic [ 8:0] load_beats_i,
    input  logic [LoadW-1:0] load_tag_i,
    output logic        load_grant_o,
    output logic        load_beat_o,
    output logic [LoadW-1:0] load_tag_o,  // of the beat's burst
    // AXI
    output logic [63:0] araddr_o,
    output logic [ 7:0] arlen_o,
    output logic        arvalid_o,
    input  logic        arready_i,
    input  logic        rvalid_i,
    input  logic        rlast_i,
    output logic        idle_o
);

  localparam int Depth = bl_pkg::MAX_OUTSTANDING;
  localparam int CountW = $clog2(Depth + 1);

  logic [Depth-1:0] owner_q, owner_d;  // oldest burst in bit 0; 1 = load
  logic [Depth*LoadW-1:0] tags_q, tags_d;
  logic [CountW-1:0] count_q, count_d;
  logic [63:0] addr_q;
  logic [7:0] len_q;
  logic valid_q;
  logic room, finish;
  logic [8:0] beats;

  assign room = (count_q != CountW'(Depth)) && (!valid_q || arready_i);
  assign fetch_grant_o = room && fetch_valid_i;
  assign load_grant_o = room && load_valid_i && !fetch_valid_i;
  assign finish = rvalid_i && rlast_i;
  assign fetch_beat_o = rvalid_i && !owner_q[0];
  assign load_beat_o = rvalid_i && owner_q[0];
  assign load_tag_o = tags_q[LoadW-1:0];
  assign beats = fetch_valid_i ? fetch_beats_i : load_beats_i;

  always_comb begin
    owner_d = owner_q;
    tags_d = tags_q;
    count_d = count_q;
    if (finish) begin
      owner_d = owner_q >> 1;
      tags_d = tags_q >> LoadW;
      count_d = count_q - 1'b1;
    end
    if (fetch_grant_o || load_grant_o) begin
      for (int i = 0; i < Depth; i++) begin
        if (count_d == CountW'(i)) begin
          owner_d[i] = load_grant_o;
          tags_d[i*LoadW+:LoadW] = load_tag_i;
        end
      end
      count_d = count_d + 1'b1;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      owner_q <= '0;
      count_q <= '0;
      valid_q <= 1'b0;
    end else begin
      owner_q <= owner_d;
      count_q <= count_d;
      if (fetch_grant_o || load_grant_o) valid_q <= 1'b1;
      else if (arready_i) valid_q <= 1'b0;
    end
  end

  always_ff @(posedge clk_i) begin
    tags_q <= tags_d;
    if (fetch_grant_o || load_grant_o) begin
      addr_q <= fetch_valid_i ? fetch_addr_i : load_addr_i;
      len_q  <= 8'(beats - 9'd1);
    end
  end

  assign araddr_o = addr_q;
  assign arlen_o = len_q;
  assign arvalid_o = valid_q;
  assign idle_o = (count_q == '0);

endmodule
