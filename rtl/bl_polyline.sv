// LWQ's residual code (N23.1, N23.2), combinational: decodes the latent weight, subtracts the change, and encodes it again. Values and slopes
// are sums of at most three powers of two, so products are shifts and additions.
module bl_polyline (
    input  logic [ 7:0] q_i,           // signed
    input  logic [ 3:0] s_i,           // signed
    input  logic [ 1:0] read_level_i,
    output logic [31:0] latent_o,      // signed, in 2^-16 of an integer step
    input  logic [33:0] next_i,        // signed: the latent weight to encode
    input  logic [ 1:0] write_level_i,
    input  logic        stochastic_i,  // else half up
    input  logic [15:0] u_i,
    input  logic [ 7:0] limit_i,       // qmax
    output logic [ 7:0] q_o,
    output logic [ 3:0] s_o,
    output logic        saturated_o
);

  // Slopes of cells 0 and 1, 2 and 3, 4 to 7; by pairs of cells.
  function automatic logic [15:0] slope(input logic [1:0] level, input logic [1:0] pair);
    case ({level, pair})
      4'b01_00: slope = 16'd8192;
      4'b01_10, 4'b01_11, 4'b10_01: slope = 16'd2048;
      4'b10_00: slope = 16'd12288;
      4'b10_10, 4'b10_11, 4'b11_01: slope = 16'd1024;
      4'b11_00: slope = 16'd14336;
      4'b11_10, 4'b11_11: slope = 16'd512;
      default: slope = 16'd4096;
    endcase
  endfunction

  // V_l[k]: the sum of the slopes below.
  function automatic logic [15:0] value(input logic [1:0] level, input logic [3:0] k);
    if (k[3]) value = 16'd32768;
    else if (k[2]) value = (slope(level, 2'd0) << 1) + (slope(level, 2'd1) << 1) + (k[1] ? slope(level, 2'd2) << 1 : 16'd0) +
        (k[0] ? slope(level, 2'd2) : 16'd0);
    else if (k[1]) value = (slope(level, 2'd0) << 1) + (k[0] ? slope(level, 2'd1) : 16'd0);
    else value = k[0] ? slope(level, 2'd0) : 16'd0;
  endfunction

  // ---- Decode
  logic [3:0] size;
  logic [15:0] offset;
  assign size = s_i[3] ? ~s_i + 4'd1 : s_i;
  assign offset = value(read_level_i, size);
  assign latent_o = s_i[3] ? {{8{q_i[7]}}, q_i, 16'd0} - {16'd0, offset} : {{8{q_i[7]}}, q_i, 16'd0} + {16'd0, offset};

  // ---- Encode
  logic [33:0] shifted;
  logic signed [17:0] whole, q;
  logic [16:0] residual;  // signed, -32768 .. 32767
  logic negative, up;
  logic [15:0] magnitude, distance, gap;
  logic [3:0] k, s;
  logic [31:0] chance;
  assign shifted = next_i + 34'd32768;
  assign whole = $signed(shifted[33:16]);
  assign residual = {1'b0, shifted[15:0]} - 17'd32768;
  assign negative = residual[16];
  assign magnitude = negative ? 16'(-residual) : residual[15:0];
  always_comb begin
    k = 4'd0;
    for (int i = 1; i <= 8; i++) if (value(write_level_i, 4'(i)) <= magnitude) k = 4'(i);
  end
  assign distance = magnitude - value(write_level_i, k);
  assign gap = slope(write_level_i, k[2:1]);
  // u * gap
  always_comb begin
    case ({write_level_i, k[2:1]})
      4'b01_00: chance = {16'd0, u_i} << 13;
      4'b01_10, 4'b01_11, 4'b10_01: chance = {16'd0, u_i} << 11;
      4'b10_00: chance = ({16'd0, u_i} << 13) + ({16'd0, u_i} << 12);
      4'b10_10, 4'b10_11, 4'b11_01: chance = {16'd0, u_i} << 10;
      4'b11_00: chance = ({16'd0, u_i} << 14) - ({16'd0, u_i} << 11);
      4'b11_10, 4'b11_11: chance = {16'd0, u_i} << 9;
      default: chance = {16'd0, u_i} << 12;
    endcase
  end
  assign up = stochastic_i ? {distance, 16'd0} > chance : {distance[14:0], 1'b0} >= gap;
  assign s = (k[3] || !up) ? k : k + 4'd1;
  assign q = (s[3] && !negative) ? whole + 18'sd1 : whole;

  logic over, under;
  assign over = q > $signed({10'd0, limit_i});
  assign under = q < -$signed({10'd0, limit_i});
  assign saturated_o = over || under;
  always_comb begin
    q_o = q[7:0];
    s_o = (negative || s[3]) ? ~s + 4'd1 : s;
    if (over) begin
      q_o = limit_i;
      s_o = 4'd7;
    end
    if (under) begin
      q_o = -limit_i;
      s_o = 4'd8;
    end
  end

endmodule
