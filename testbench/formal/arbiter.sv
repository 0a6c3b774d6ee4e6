// The read arbiter, for ever: at most MAX_OUTSTANDING bursts are granted and not finished, at most one is granted a cycle,
// beats go to the owner of their burst in the order of the grants, and an address is offered from the cycle behind its grant
// until it is taken (docs/timing.md, Reads). Fetch goes first. LOAD waits for fetch alone: with room, it is granted in the
// first cycle in which fetch does not ask. One burst, chosen freely, is followed from its grant to its last beat.
// Assumed of the memory: beats come only for bursts whose address it has taken, and each burst has at least one.
//@ rtl: bl_read_arbiter
//@ cycles: 12
//@ induction: 2
//@ part: quick
//@ break: bl_read_arbiter.sv | assign room = (count_q != CountW'(Depth)) && | assign room =
//@ break: bl_read_arbiter.sv | load_valid_i && !fetch_valid_i; | load_valid_i;
//@ break: bl_read_arbiter.sv | owner_d = owner_q >> 1; | owner_d = owner_q;
//@ break: bl_read_arbiter.sv | assign load_beat_o = rvalid_i && owner_q[0]; | assign load_beat_o = rvalid_i && owner_q[1];
//@ break: bl_read_arbiter.sv | (!valid_q || arready_i); | 1'b1;
//@ break: bl_read_arbiter.sv | assign finish = rvalid_i && rlast_i; | assign finish = rvalid_i;
//@ break: bl_read_arbiter.sv | assign fetch_grant_o = room && fetch_valid_i; | assign fetch_grant_o = room && fetch_valid_i && !load_valid_i;
module proof (
    input logic        clk_i,
    input logic        rst_ni,
    input logic        fetch_valid_i,
    input logic [63:0] fetch_addr_i,
    input logic [ 8:0] fetch_beats_i,
    input logic        load_valid_i,
    input logic [63:0] load_addr_i,
    input logic [ 8:0] load_beats_i,
    input logic        arready_i,
    input logic        rvalid_i,
    input logic        rlast_i,
    input logic        follow_i      // follow the burst of this grant
);
  logic fetch_grant, fetch_beat, load_grant, load_beat, arvalid, idle;
  logic [63:0] araddr;
  logic [7:0] arlen;
  bl_read_arbiter dut (
      .clk_i, .rst_ni, .fetch_valid_i, .fetch_addr_i, .fetch_beats_i, .fetch_grant_o(fetch_grant),
      .fetch_beat_o(fetch_beat), .load_valid_i, .load_addr_i, .load_beats_i, .load_grant_o(load_grant),
      .load_beat_o(load_beat), .araddr_o(araddr), .arlen_o(arlen), .arvalid_o(arvalid), .arready_i, .rvalid_i,
      .rlast_i, .idle_o(idle)
  );

  localparam int Most = bl_pkg::MAX_OUTSTANDING;
  (* hierconn *) wire [Most-1:0] \dut.owner_q ;
  (* hierconn *) wire [$clog2(Most + 1)-1:0] \dut.count_q ;

  logic begun = 1'b0;
  logic [7:0] granted;   // and not finished, counted with room for every mistake
  logic [7:0] accepted;  // of these, those whose address the memory has taken
  logic followed, owner;
  logic [7:0] ahead;     // bursts that finish before the followed one
  logic offered;         // an address is granted and not taken
  logic [63:0] address;
  logic [8:0] beats;
  logic any_grant, finish;
  assign any_grant = fetch_grant || load_grant;
  assign finish = rvalid_i && rlast_i;
  always_ff @(posedge clk_i) begin
    begun <= 1'b1;
    if (!rst_ni) begin
      granted <= 8'd0;
      accepted <= 8'd0;
      followed <= 1'b0;
      offered <= 1'b0;
    end else begin
      granted <= granted + 8'(any_grant) - 8'(finish);
      accepted <= accepted + 8'(arvalid && arready_i) - 8'(finish);
      if (!followed && any_grant && follow_i) begin
        followed <= 1'b1;
        owner <= load_grant;
        ahead <= granted - 8'(finish);
      end else if (followed && finish) begin
        followed <= (ahead != 8'd0);
        ahead <= ahead - 8'd1;
      end
      if (any_grant) begin
        offered <= 1'b1;
        address <= load_grant ? load_addr_i : fetch_addr_i;
        beats <= load_grant ? load_beats_i : fetch_beats_i;
      end else if (arready_i) offered <= 1'b0;
    end
  end

  logic room;
  assign room = granted < 8'(Most) && (!offered || arready_i);
  always_comb begin
    assume (begun || !rst_ni);
    assume (!rvalid_i || accepted != 8'd0);
    assume (fetch_beats_i >= 9'd1 && fetch_beats_i <= 9'd256 && load_beats_i >= 9'd1 && load_beats_i <= 9'd256);
    if (begun) begin
      assert (granted <= 8'(Most));
      assert (!(fetch_grant && load_grant));
      assert (fetch_grant == (fetch_valid_i && room));
      assert (load_grant == (load_valid_i && !fetch_valid_i && room));
      assert (fetch_beat == (rvalid_i && !load_beat) && (!load_beat || rvalid_i));
      if (followed && ahead == 8'd0 && rvalid_i) assert (load_beat == owner);
      assert (arvalid == offered);
      if (offered) assert (araddr == address && {1'b0, arlen} + 9'd1 == beats);
      assert (idle == (granted == 8'd0));
      // What makes it inductive.
      assert (granted == accepted + 8'(offered) && accepted <= granted);
      assert (8'(\dut.count_q ) == granted);
      if (followed) assert (ahead < granted && ((\dut.owner_q >> ahead) & Most'(1)) == Most'(owner));
      cover (followed && ahead == 8'd0 && owner && rvalid_i && granted == 8'(Most) && \dut.owner_q [1] == 1'b0);
    end
  end
endmodule
