// The statistics of a group of results: the largest magnitude, the saturations of the codes, those of the raw view. Combinational.
module bl_tally #(
    parameter int V = bl_pkg::LANES
) (
    input  logic [    95:0] stat_i,            // so far
    input  logic [V*31-1:0] magnitude_i,
    input  logic [   V-1:0] code_saturated_i,
    input  logic [   V-1:0] raw_saturated_i,
    output logic [    95:0] stat_o
);

  always_comb begin
    stat_o = stat_i;
    for (int v = 0; v < V; v++) begin
      if ({1'b0, magnitude_i[v*31+:31]} > stat_o[31:0]) stat_o[31:0] = {1'b0, magnitude_i[v*31+:31]};
      stat_o[63:32] = stat_o[63:32] + {31'd0, code_saturated_i[v]};
      stat_o[95:64] = stat_o[95:64] + {31'd0, raw_saturated_i[v]};
    end
  end

endmodule
