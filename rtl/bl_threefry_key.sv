// Threefry-2x32-20, one round a cycle (N4.1, N4.2): start_i takes key and counter, and 20 cycles later done_o is high for
// one cycle with the result, which stays until the next start.
module bl_threefry_key (
    input  logic        clk_i,
    input  logic        rst_ni,
    input  logic        start_i,
    input  logic [63:0] key_i,      // {key[1], key[0]}; must stay until done_o
    input  logic [63:0] counter_i,  // {counter[1], counter[0]}
    output logic        done_o,
    output logic [63:0] word_o      // {x1, x0}
);

  localparam logic [4:0] Rounds = 5'(bl_pkg::THREEFRY_KEY_ROUNDS);

  logic [31:0] x0_q, x1_q, sum, rotated, mixed, k2, ks_a, ks_b;
  logic [4:0] round_q;
  logic busy_q;

  assign k2 = bl_pkg::THREEFRY_PARITY ^ key_i[31:0] ^ key_i[63:32];
  assign sum = x0_q + x1_q;
  always_comb begin
    case (round_q[2:0])
      3'd0: rotated = (x1_q << bl_pkg::THREEFRY_ROTATION0) | (x1_q >> (32 - bl_pkg::THREEFRY_ROTATION0));
      3'd1: rotated = (x1_q << bl_pkg::THREEFRY_ROTATION1) | (x1_q >> (32 - bl_pkg::THREEFRY_ROTATION1));
      3'd2: rotated = (x1_q << bl_pkg::THREEFRY_ROTATION2) | (x1_q >> (32 - bl_pkg::THREEFRY_ROTATION2));
      3'd3: rotated = (x1_q << bl_pkg::THREEFRY_ROTATION3) | (x1_q >> (32 - bl_pkg::THREEFRY_ROTATION3));
      3'd4: rotated = (x1_q << bl_pkg::THREEFRY_ROTATION4) | (x1_q >> (32 - bl_pkg::THREEFRY_ROTATION4));
      3'd5: rotated = (x1_q << bl_pkg::THREEFRY_ROTATION5) | (x1_q >> (32 - bl_pkg::THREEFRY_ROTATION5));
      3'd6: rotated = (x1_q << bl_pkg::THREEFRY_ROTATION6) | (x1_q >> (32 - bl_pkg::THREEFRY_ROTATION6));
      default: rotated = (x1_q << bl_pkg::THREEFRY_ROTATION7) | (x1_q >> (32 - bl_pkg::THREEFRY_ROTATION7));
    endcase
  end
  assign mixed = rotated ^ sum;

  // Injection i = round / 4 + 1 adds words i and i + 1 (mod 3) of the schedule; i = 1..5.
  always_comb begin
    case (round_q[4:2])
      3'd0, 3'd3: begin
        ks_a = key_i[63:32];
        ks_b = k2;
      end
      3'd1, 3'd4: begin
        ks_a = k2;
        ks_b = key_i[31:0];
      end
      default: begin
        ks_a = key_i[31:0];
        ks_b = key_i[63:32];
      end
    endcase
  end

  logic injects, ends;
  logic [31:0] x0_d, x1_d;
  assign injects = round_q[1:0] == 2'd3;
  assign x0_d = injects ? sum + ks_a : sum;
  assign x1_d = injects ? mixed + ks_b + {29'd0, round_q[4:2]} + 32'd1 : mixed;
  assign ends = round_q == Rounds - 5'd1;

  logic done_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      x0_q <= 32'd0;
      x1_q <= 32'd0;
      round_q <= 5'd0;
      busy_q <= 1'b0;
      done_q <= 1'b0;
    end else begin
      done_q <= busy_q && ends;
      if (start_i) begin
        x0_q <= counter_i[31:0] + key_i[31:0];
        x1_q <= counter_i[63:32] + key_i[63:32];
        round_q <= 5'd0;
        busy_q <= 1'b1;
      end else if (busy_q) begin
        x0_q <= x0_d;
        x1_q <= x1_d;
        round_q <= round_q + 5'd1;
        busy_q <= !ends;
      end
    end
  end

  assign done_o = done_q;
  assign word_o = {x1_q, x0_q};

endmodule
