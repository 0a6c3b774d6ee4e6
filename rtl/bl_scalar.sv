// The scalar unit: the command SCALAR. Product, quotient and maximum-to-scale of N2 with one divider bit a cycle; the cycles
// of an operation do not depend on its operands. Scale saturations are counted in T[1].
module bl_scalar (
    input  logic         clk_i,
    input  logic         rst_ni,
    input  logic         run_i,          // from the first cycle until the cycle of done_o
    output logic         done_o,
    input  logic [511:0] cmd_i,
    output logic [ 11:0] table_addr_o,
    input  logic [ 31:0] table_data_i,
    output logic         table_we_o,
    output logic [ 11:0] table_waddr_o,
    output logic [ 31:0] table_wdata_o,
    // The divider
    output logic         div_start_o,
    output logic [ 31:0] div_first_o,
    output logic [ 47:0] div_bits_o,
    output logic [ 31:0] div_divisor_o,
    output logic [  5:0] div_steps_o,
    input  logic         div_done_i,
    input  logic [ 47:0] div_quotient_i,
    input  logic         div_inexact_i
);

  logic [3:0] op;
  logic keep;
  logic [11:0] dst;
  logic [15:0] qmax;
  assign op = cmd_i[bl_pkg::F_SCALAR_OP_LSB+:4];
  assign keep = cmd_i[bl_pkg::F_SCALAR_KEEP_LSB];
  assign dst = cmd_i[bl_pkg::F_DST_LSB+:12];
  assign qmax = cmd_i[bl_pkg::F_QMAX_LSB+:16];
  logic unused_cmd;
  assign unused_cmd = ^cmd_i;

  typedef enum logic [3:0] {
    ReadA, ReadB, ReadKeep, Copy, Multiply, Scale, Start, Divide, Ceiling, Finish, Count
  } state_e;
  state_e state_q, state_d;

  logic [31:0] a_q, b_q, keep_q;
  logic [47:0] product_q, shifted;
  logic [48:0] quotient_q;
  logic [5:0] zeros, top;
  logic [5:0] zeros_q;
  logic saturated_q;

  always_comb begin
    state_d = state_q;
    case (state_q)
      ReadA: if (run_i) state_d = (op == bl_pkg::SCALAR_COPY) ? Copy : ReadB;
      ReadB: begin
        case (op)
          bl_pkg::SCALAR_MUL: state_d = Multiply;
          bl_pkg::SCALAR_DIV: state_d = Start;
          default: state_d = ReadKeep;
        endcase
      end
      ReadKeep: state_d = Scale;
      Copy: state_d = ReadA;
      Multiply: state_d = Finish;
      Scale: state_d = Start;
      Start: state_d = Divide;
      Divide: if (div_done_i) state_d = (op == bl_pkg::SCALAR_DIV) ? Finish : Ceiling;
      Ceiling: state_d = Finish;
      Finish: state_d = Count;
      default: state_d = ReadA;
    endcase
  end

  always_comb begin
    case (state_q)
      ReadA: table_addr_o = cmd_i[bl_pkg::F_SRC_A_LSB+:12];
      ReadB: table_addr_o = cmd_i[bl_pkg::F_SRC_B_LSB+:12];
      ReadKeep: table_addr_o = cmd_i[bl_pkg::F_SRC_KEEP_LSB+:12];
      default: table_addr_o = 12'd1;
    endcase
  end

  // Leading zeros of the product (N2.4: its top bit moves to bit 47).
  always_comb begin
    zeros = 6'd0;
    for (int i = 0; i < 48; i++) if (product_q[i]) zeros = 6'(47 - i);
  end
  assign shifted = product_q << zeros;

  // Both divisions have their remainder's first bits ready: a/b needs 17 bits of quotient, the maximum 48.
  logic a_ge_b;
  assign a_ge_b = a_q[15:0] >= b_q[15:0];
  assign div_start_o = state_q == Start;
  always_comb begin
    if (op == bl_pkg::SCALAR_DIV) begin
      div_first_o = a_ge_b ? {17'd0, a_q[15:1]} : {16'd0, a_q[15:0]};
      div_bits_o = {a_ge_b && a_q[0], b_q[15:0], 31'd0};
      div_divisor_o = {15'd0, b_q[15:0], 1'b0};
      div_steps_o = 6'd17;
    end else begin
      div_first_o = 32'd0;
      div_bits_o = shifted;
      div_divisor_o = {16'd0, qmax};
      div_steps_o = 6'd48;
    end
  end

  // Finish: the mantissa in [2^15, 2^16] and its shift, then N2.1's range.
  logic [48:0] rounded;
  logic [16:0] m;
  logic signed [8:0] s, sa, sb, exponent;
  logic [31:0] result;
  logic saturated, is_zero;
  assign sa = $signed({3'd0, a_q[21:16]});
  assign sb = $signed({3'd0, b_q[21:16]});
  assign is_zero = op == bl_pkg::SCALAR_MAX_TO_SCALE && a_q == 32'd0;

  always_comb begin
    top = 6'd15;
    for (int i = 16; i < 49; i++) if (quotient_q[i]) top = 6'(i);
    rounded = (quotient_q + (49'd1 << (top - 6'd15)) - 49'd1) >> (top - 6'd15);
    case (op)
      bl_pkg::SCALAR_MUL: begin
        m = product_q[31] ? 17'((product_q[32:0] + 33'h8000) >> 16) : 17'((product_q[32:0] + 33'h4000) >> 15);
        s = sa + sb - (product_q[31] ? 9'sd16 : 9'sd15);
      end
      bl_pkg::SCALAR_DIV: begin
        m = div_quotient_i[16:0];
        s = sa - sb + (a_ge_b ? 9'sd15 : 9'sd16);
      end
      default: begin
        m = rounded[16:0];
        s = sb + $signed({3'd0, zeros_q}) - $signed({3'd0, top}) + 9'sd15;
      end
    endcase
    exponent = m[16] ? s - 9'sd1 : s;
    saturated = 1'b1;
    if (exponent < 9'sd0) result = 32'h0000_ffff;
    else if (exponent > 9'sd63) result = 32'h003f_8000;
    else begin
      saturated = 1'b0;
      result = {10'd0, exponent[5:0], m[16] ? 16'h8000 : m[15:0]};
    end
    if (is_zero) begin
      saturated = 1'b0;
      result = keep ? keep_q : bl_pkg::SCALE_ONE;
    end
  end

  logic unused_bits;
  assign unused_bits = ^{rounded, exponent, div_quotient_i, b_q};

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q <= ReadA;
      a_q <= 32'd0;
      b_q <= 32'd0;
      keep_q <= 32'd0;
      product_q <= 48'd0;
      quotient_q <= 49'd0;
      zeros_q <= 6'd0;
      saturated_q <= 1'b0;
    end else begin
      state_q <= state_d;
      case (state_q)
        ReadA: if (run_i) a_q <= table_data_i;
        ReadB: b_q <= table_data_i;
        ReadKeep: keep_q <= table_data_i;
        Multiply: product_q <= {16'd0, {16'd0, a_q[15:0]} * {16'd0, b_q[15:0]}};
        Scale: product_q <= {16'd0, a_q} * {32'd0, b_q[15:0]};
        Start: zeros_q <= zeros;
        Ceiling: quotient_q <= {1'b0, div_quotient_i} + {48'd0, div_inexact_i};
        Finish: saturated_q <= saturated;
        default: begin
        end
      endcase
    end
  end

  assign done_o = state_q == Copy || state_q == Count;
  assign table_we_o = state_q == Copy || state_q == Finish || state_q == Count;
  always_comb begin
    table_waddr_o = dst;
    case (state_q)
      Copy: table_wdata_o = a_q;
      Finish: table_wdata_o = result;
      default: begin
        table_waddr_o = 12'd1;
        table_wdata_o = table_data_i + {31'd0, saturated_q};
      end
    endcase
  end

endmodule
