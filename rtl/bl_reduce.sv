// The command REDUCE (docs/commands.md, N13): sums over columns, or over everything, of the shifted values that bl_stream brings; started and written
// once per i0. Sums of up to REDUCE_WORDS groups of columns are kept. Values are shifted in stage 1, multiplied in stage 2 and added in stage 3,
// where a sum is read and written in the same cycle. The results are written behind the last group.
//
// Raw views of a TILE or AFFINE with SUMS come as they are made, and go the same way; a REDUCE with SUMS then only writes.
module bl_reduce #(
    parameter int V = bl_pkg::LANES,
    parameter int RawW = bl_pkg::VOUT_WORDS > 1 ? $clog2(bl_pkg::VOUT_WORDS) : 1
) (
    input  logic              clk_i,
    input  logic              rst_ni,
    input  logic              run_i,
    output logic              done_o,
    input  logic [     511:0] cmd_i,
    input  logic [      15:0] cols_i,
    input  logic              begins_i,      // the first execution of the sums
    input  logic              ends_i,        // their last
    input  logic              parity2_i,     // of level 2: the output
    // What the command needs of bl_stream
    output logic [       6:0] reads_o,
    // From bl_stream
    input  logic              stream_done_i,
    input  logic [      63:0] entry_i,       // T[LIMIT], T[RATIO]
    input  logic [7*V*32-1:0] operand_i,
    input  logic [       7:1] valid_i,
    input  logic [  8*16-1:0] groups_i,
    input  logic [  8*16-1:0] indices_i,
    // Raw views of a command with SUMS
    input  logic              raw_valid_i,
    input  logic [   V*32-1:0] raw_i,
    input  logic [   V*16-1:0] partner_i,     // of CROSS
    input  logic [      15:0] raw_group_i,   // of the tile
    input  logic [      15:0] raw_index_i,   // row * groups + group
    input  logic [      31:0] col0_i,
    input  logic              first_row_i,   // i1 is 0
    input  logic              first_i,
    // The results
    output logic              writes_o,
    output logic [  RawW-1:0] raw_addr_o,
    output logic [   V*32-1:0] raw_data_o
);

  localparam int LogV = $clog2(V);
  localparam int SumW = $clog2(bl_pkg::REDUCE_WORDS);

  // ---- The command
  logic axis_all, range, made;
  logic [1:0] kind;
  logic [15:0] cols, groups, stride;
  assign axis_all = cmd_i[bl_pkg::F_AXIS_ALL_LSB];
  assign kind = cmd_i[bl_pkg::F_REDUCE_KIND_LSB+:2];
  assign range = kind == bl_pkg::REDUCE_RANGE;
  assign cols = cmd_i[bl_pkg::F_COLS_LSB+:16];
  assign groups = 16'(({1'b0, cols} + 17'(V - 1)) >> LogV);
  assign stride = cmd_i[bl_pkg::F_VIN_STRIDE_LSB+:16];
  assign made = cmd_i[bl_pkg::F_SUMS_LSB];
  assign reads_o = made ? 7'd0 : {5'd0, cmd_i[bl_pkg::F_FLAGS_LSB+bl_pkg::FLAG_V_IN], 1'b1};

  // ---- What a raw view takes along: its place and kind, as the next command may be here before its stage 3
  logic valid1, valid2, valid3, raw2_q, raw3_q, raw_new, raw_new2_q, raw_new3_q;
  logic [SumW-1:0] raw_place, raw_place2_q, raw_place3_q;
  logic [1:0] kind2, raw_kind2_q;
  assign raw_place = axis_all ? SumW'(0) : SumW'((col0_i - {16'd0, cmd_i[bl_pkg::F_COL_BASE_LSB+:16]}) >> LogV) + raw_group_i[SumW-1:0];
  assign raw_new = !cmd_i[bl_pkg::F_SUMS_KEEP_LSB] &&
      (axis_all ? first_i && raw_index_i == 16'd0 : first_row_i && raw_index_i == raw_group_i);
  assign valid1 = raw_valid_i || (run_i && !made && valid_i[1]);
  assign valid2 = raw2_q || (run_i && !made && valid_i[2]);
  assign valid3 = raw3_q || (run_i && !made && valid_i[3]);
  assign kind2 = raw2_q ? raw_kind2_q : kind;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) {raw2_q, raw3_q} <= 2'd0;
    else {raw2_q, raw3_q} <= {raw_valid_i, raw2_q};
  end
  always_ff @(posedge clk_i) begin
    raw_kind2_q <= kind;
    {raw_new2_q, raw_new3_q} <= {raw_new, raw_new2_q};
    {raw_place2_q, raw_place3_q} <= {raw_place, raw_place2_q};
  end

  // ---- Stages 1 and 2: t and e, then |t| or t and the product; of RANGE the value itself
  function automatic logic signed [17:0] shifted(input logic [31:0] x, input logic [5:0] by);
    shifted = 18'(($signed({x[31], x}) + ((by == 6'd0) ? 33'sd0 : $signed(33'd1 << (by - 6'd1)))) >>> by);
  endfunction

  logic [V*32-1:0] value, value_q, first, first_q;
  logic [V*18-1:0] factor, factor_q;
  logic [V*36-1:0] product, product_q;
  logic signed [17:0] t;
  always_comb begin
    value = '0;
    factor = '0;
    first = '0;
    product = '0;
    t = '0;
    for (int k = 0; k < V; k++) begin
      t = raw_valid_i ? raw_i[k*32+:18] : shifted(operand_i[k*32+:32], entry_i[5:0]);
      value[k*32+:32] = (range && !raw_valid_i) ? operand_i[k*32+:32] : {{14{t[17]}}, t};
      factor[k*18+:18] = t;
      if (kind == bl_pkg::REDUCE_CROSS) begin
        factor[k*18+:18] = raw_valid_i ? {{2{partner_i[k*16+15]}}, partner_i[k*16+:16]} :
            shifted(operand_i[V*32+k*32+:32], entry_i[37:32]);
      end
      first[k*32+:32] = (kind2 == bl_pkg::REDUCE_ABSOLUTE && value_q[k*32+31]) ? -value_q[k*32+:32] : value_q[k*32+:32];
      product[k*36+:36] = 36'($signed(value_q[k*32+:18])) * 36'($signed(factor_q[k*18+:18]));
    end
  end
  always_ff @(posedge clk_i) begin
    if (valid1) begin
      value_q <= value;
      factor_q <= factor;
    end
    if (valid2) begin
      first_q <= first;
      product_q <= product;
    end
  end

  // ---- Stage 3: sums. A word has the first sums of its lanes, then the second. For RANGE: minima, maxima.
  logic [V*128-1:0] sum_q[bl_pkg::REDUCE_WORDS];
  logic [V*128-1:0] old, next;
  logic [SumW-1:0] place;
  logic [15:0] group, index, write_group_q;
  logic writes_q, fresh;
  assign group = groups_i[3*16+:16];
  assign index = indices_i[3*16+:16];
  assign place = raw3_q ? raw_place3_q : axis_all ? SumW'(0) : (writes_q ? write_group_q[SumW-1:0] : group[SumW-1:0]);
  assign fresh = raw3_q ? raw_new3_q : begins_i && index == (axis_all ? 16'd0 : group);
  assign old = sum_q[place];
  always_ff @(posedge clk_i) if (valid3) sum_q[place] <= next;

  logic signed [63:0] low, high, low_add, high_add;
  logic valid;
  always_comb begin
    next = old;
    low = '0;
    high = '0;
    low_add = '0;
    high_add = '0;
    valid = 1'b0;
    for (int k = 0; k < V; k++) begin
      valid = raw3_q || (group << LogV) + 16'(k) < cols_i;  // raw views beyond the tile are 0
      low = $signed(old[k*128+:64]);
      high = $signed(old[k*128+64+:64]);
      low_add = 64'($signed(first_q[k*32+:32]));
      high_add = 64'($signed(product_q[k*36+:36]));
      if (range && !raw3_q) begin
        if (fresh) begin
          // No element yet: the neutral values of minimum and maximum.
          low = 64'sh0000_0000_7fff_ffff;
          high = 64'shffff_ffff_8000_0000;
        end
        if (valid && low_add < low) low = low_add;
        if (valid && low_add > high) high = low_add;
      end else begin
        low = (fresh ? 64'sd0 : low) + (valid ? low_add : 64'sd0);
        high = (fresh ? 64'sd0 : high) + (valid ? high_add : 64'sd0);
      end
      next[k*128+:64] = low;
      next[k*128+64+:64] = high;
    end
  end

  // ---- Results: line by line
  logic [1:0] line_q;
  logic last_word, last_line;
  assign last_word = axis_all || write_group_q + 16'd1 >= groups;
  assign last_line = line_q == (range ? 2'd2 : 2'd3);
  assign done_o = writes_q && last_word && last_line;
  assign writes_o = writes_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      writes_q <= 1'b0;
      line_q <= 2'd0;
      write_group_q <= 16'd0;
    end else if (!writes_q || done_o) begin
      writes_q <= run_i && stream_done_i && ends_i;
      line_q <= 2'd0;
      write_group_q <= 16'd0;
    end else if (last_word) begin
      line_q <= line_q + 2'd1;
      write_group_q <= 16'd0;
    end else write_group_q <= write_group_q + 16'd1;
  end

  logic signed [63:0] total_first, total_second, lane_first, lane_second;
  logic [31:0] low_magnitude, high_magnitude, score;
  logic [V*32-1:0] line;
  always_comb begin
    total_first = $signed(old[63:0]);
    total_second = $signed(old[127:64]);
    lane_first = '0;
    lane_second = '0;
    for (int k = 1; k < V; k++) begin
      lane_first = $signed(old[k*128+:64]);
      lane_second = $signed(old[k*128+64+:64]);
      if (!range) begin
        total_first = total_first + lane_first;
        total_second = total_second + lane_second;
      end else begin
        if (lane_first < total_first) total_first = lane_first;
        if (lane_second > total_second) total_second = lane_second;
      end
    end
    line = '0;
    low_magnitude = '0;
    high_magnitude = '0;
    score = '0;
    for (int k = 0; k < V; k++) begin
      lane_first = axis_all ? total_first : $signed(old[k*128+:64]);
      lane_second = axis_all ? total_second : $signed(old[k*128+64+:64]);
      low_magnitude = lane_first[31] ? -lane_first[31:0] : lane_first[31:0];
      high_magnitude = lane_second[31] ? -lane_second[31:0] : lane_second[31:0];
      score = (low_magnitude > high_magnitude) ? low_magnitude : high_magnitude;
      if (axis_all ? k == 0 : (write_group_q << LogV) + 16'(k) < cols_i) begin
        case (line_q)
          2'd0: line[k*32+:32] = lane_first[31:0];
          2'd1: line[k*32+:32] = range ? lane_second[31:0] : lane_first[63:32];
          2'd2: line[k*32+:32] = range ? score : lane_second[31:0];
          default: line[k*32+:32] = lane_second[63:32];
        endcase
      end
    end
  end

  logic [15:0] out_address;
  assign out_address = (parity2_i ? stride : 16'd0) + {14'd0, line_q} * (axis_all ? 16'd1 : groups) + write_group_q;
  assign raw_addr_o = out_address[RawW-1:0];
  assign raw_data_o = line;

  logic unused_bits;
  assign unused_bits = ^{cmd_i, entry_i, operand_i, valid_i, groups_i, indices_i, value_q, out_address, lane_first, lane_second, raw_i, raw_group_i,
      col0_i};

endmodule
