// Every address of a program, in DRAM and in the local memories, lies where it may.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "kernels/loops.hpp"
#include "kernels/operands.hpp"
#include "kernels/padding.hpp"
#include "kernels/tiling.hpp"
#include "kernels/verify.hpp"
#include "kernels/verify_kept.hpp"
#include "model/io/error.hpp"

namespace bitloom {

namespace {

class Places {
 public:
  explicit Places(const Program& program) : program_(program), hw_(program.hardware) {}

  void run() {
    int left_in_group = 0;
    for (std::size_t i = 0; i < program_.commands.size(); ++i) {
      command_ = static_cast<int>(i);
      const Command& command = program_.commands[i];
      if (left_in_group == 0) {
        left_in_group = static_cast<int>(command.get(Field::GROUP)) + 1;
        alone_ = left_in_group == 1;
        counts_ = loop_counts(command);
      } else if (queue_of(command.opcode()) != queue_of(program_.commands[i - 1].opcode())) {
        fail("a group's commands are not adjacent");
      }
      --left_in_group;
      require(command.get(Field::INDEX) == i, "INDEX is not its place in the program");
      check(command);
    }
  }

 private:
  [[noreturn]] void fail(const std::string& message) const {
    const auto index = static_cast<std::size_t>(command_);
    throw Error(fmt::format("program: {}, command {} ({}): {}", message, command_, program_.info[index].phase,
                            disassemble(program_.commands[index])));
  }
  void require(bool condition, const char* message) const {
    if (!condition) fail(message);
  }
  void within(std::int64_t end, std::int64_t size, const char* memory) const {
    if (end > size) fail(fmt::format("{} ends at {}, reaches {}", memory, size, end));
  }

  void check(const Command& command) {
    switch (command.opcode()) {
      case Opcode::LOAD_SHAPE:
      case Opcode::STORE_SHAPE:
        shapes_[command.opcode() == Opcode::LOAD_SHAPE ? 0 : 1][command.get(Field::SLOT)] = command;
        return check_shape(command);
      case Opcode::LOAD:
        check_load(command);
        return check_dram(command);
      case Opcode::STORE:
        check_store(command);
        return check_dram(command);
      case Opcode::GEMM:
        return check_gemm(command);
      case Opcode::TILE:
      case Opcode::AFFINE:
      case Opcode::REDUCE:
      case Opcode::POOL:
      case Opcode::UPDATE:
      case Opcode::ADAM:
      case Opcode::LOSS:
      case Opcode::TABLE_LOAD:
      case Opcode::TABLE_STORE:
        return check_vector(command);
      case Opcode::SCALAR:
        return check_scalar(command);
      case Opcode::LOAD_NOP:
      case Opcode::ARRAY_NOP:
      case Opcode::VECTOR_NOP:
      case Opcode::STORE_NOP:
      case Opcode::END:
        return;
    }
  }

  /// Return the largest effective rows and columns.
  std::int64_t full_rows(const Command& c) const { return full(c, Field::ROWS, Field::ROWS_LAST, Field::ROWS_DIM); }
  std::int64_t full_cols(const Command& c) const { return full(c, Field::COLS, Field::COLS_LAST, Field::COLS_DIM); }
  std::int64_t full(const Command& c, Field each, Field last, Field dim) const {
    const std::uint32_t d = c.get(dim);
    if (d < 3 && counts_[d] == 1) return c.get(last);
    return d < 3 ? std::max(c.get(each), c.get(last)) : c.get(each);
  }
  std::int64_t spad_words(std::int64_t n, int bits) const { return divide_up(n * bits, 8 * hw_.axi_bytes); }
  static int memory_bits(const Command& c) { return bits_of(static_cast<Width>(c.get(Field::MEMORY_BITS))); }
  static int local_bits(const Command& c) { return bits_of(static_cast<Width>(c.get(Field::LOCAL_BITS))); }
  /// Returns 1 when a second buffer is ever used.
  int second(const Command& command) const { return second_at(command, Field::PARITY0); }
  int second_at(const Command& command, Field parity) const {
    LoopIndex last{};
    for (std::size_t dim = 0; dim < 3; ++dim) last[dim] = counts_[dim] - 1;
    return iteration_number(last, counts_, static_cast<int>(command.get(parity))) > 0 ? 1 : 0;
  }

  void check_shape(const Command& c) const {
    for (const Field field : {Field::EXTENT_X, Field::EXTENT_Y}) require(c.get(field) > 0, "an extent is 0");
    require(counts_ == LoopIndex{1, 1, 1}, "a shape has loops");
  }

  void check_vin_rows(const Command& c, std::int64_t size, const char* memory, int bits = 32) const {
    const std::int64_t row = divide_up(full_cols(c) * bits, 32 * hw_.lanes);
    const std::int64_t rows = (full_rows(c) - 1) * c.get(Field::LOCAL_PITCH);
    require(full_rows(c) == 1 || row <= c.get(Field::LOCAL_PITCH), "rows overlap in local memory");
    within(c.get(Field::LOCAL_BASE) + row + rows + second(c) * std::int64_t{c.get(Field::LOCAL_STRIDE)}, size, memory);
  }

  void check_load(const Command& c) const {
    const auto target = static_cast<LoadTarget>(c.get(Field::TARGET));
    require(local_bits(c) >= memory_bits(c), "LOCAL_BITS is below MEMORY_BITS");
    if (target == LoadTarget::VIN) {
      require(local_bits(c) == 32 || memory_bits(c) == 1, "VIN holds 32-bit elements, or packed bits");
      require(local_bits(c) == 32 || local_bits(c) == 1, "VIN holds 32-bit elements, or packed bits");
      return check_vin_rows(c, hw_.vin_words, "VIN", local_bits(c));
    }
    require(local_bits(c) <= 8, "a scratchpad holds codes of up to 8 bits");
    check_lanes(c, target == LoadTarget::SPAD_A);
  }

  /// Operand rows fill tiles of lanes, one behind the other.
  void check_lanes(const Command& c, bool is_a) const {
    const bool transpose = c.get(Field::TRANSPOSE) != 0;
    const std::int64_t lanes = is_a ? hw_.rows : hw_.cols;
    const std::int64_t tiles = divide_up(transpose ? full_cols(c) : full_rows(c), lanes);
    const std::int64_t used = spad_words(transpose ? full_rows(c) : full_cols(c), local_bits(c));
    const std::int64_t stride = c.get(Field::LOCAL_STRIDE);
    require(tiles == 1 || used <= stride, "tiles of operand rows overlap");
    require(tiles == 1 || !transpose || fills_tiles(hw_, static_cast<int>(lanes), local_bits(c)),
            "a transposed row has more elements than lanes");
    within((c.get(Field::LOCAL_BASE) + (tiles - 1) * stride + used) * hw_.axi_bytes, spad_bytes(is_a, second(c)),
           is_a ? "spad A" : "spad B");
  }

  /// Returns the size of a buffer; one that is the only one may be twice as large.
  std::int64_t spad_bytes(bool is_a, int second_buffer) const {
    return std::int64_t{is_a ? hw_.spad_a_bytes : hw_.spad_b_bytes} * (second_buffer != 0 ? 1 : 2);
  }

  void check_store(const Command& c) const { check_vin_rows(c, hw_.vout_words, "VOUT"); }

  void check_gemm(const Command& c) const {
    const auto mode = static_cast<Mode>(c.get(Field::MODE));
    const int terms_per_byte = mode == Mode::MAC8 ? 1 : mode == Mode::MAC4 ? 2 : 8;
    within(full_cols(c) * terms_per_byte, kSegmentTerms, "a segment (terms)");
    require(c.get(Field::COLS) > 0 && (c.get(Field::COLS_DIM) == 3 || c.get(Field::COLS_LAST) > 0),
            "a segment is empty");
    const bool log = c.get(Field::A_KIND) == static_cast<std::uint32_t>(Kind::LOG) ||
                     c.get(Field::B_KIND) == static_cast<std::uint32_t>(Kind::LOG);
    require(!log || (mode == Mode::MAC4 && c.get(Field::A_KIND) != c.get(Field::B_KIND)),
            "logarithmic codes meet linear 4-bit codes only");
    check_gemm_places(c);
  }

  void check_gemm_places(const Command& c) const {
    const auto end = [&](Field step, int loop) {
      std::int64_t furthest = 0;
      for (int i = 0; i < counts_[static_cast<std::size_t>(loop)]; ++i) {
        LoopIndex index{};
        index[static_cast<std::size_t>(loop)] = i;
        const bool of_reduction = c.get(Field::COLS_DIM) == static_cast<std::uint32_t>(loop);
        const std::int64_t used = spad_words(of_reduction ? cols_at(c, index, counts_) : full_cols(c), 8);
        furthest = std::max(furthest, std::int64_t{c.get(step)} * i + used);
      }
      return furthest * hw_.axi_bytes;
    };
    const int b_loop = c.get(Field::B_LOOP) != 0 ? 1 : 2;
    within(end(Field::A_STEP, 2), spad_bytes(true, second_at(c, Field::PARITY0)), "spad A");
    within(end(Field::B_STEP, b_loop), spad_bytes(false, second_at(c, Field::PARITY1)), "spad B");
    const auto sums = static_cast<SumLoop>(c.get(Field::SUM_LOOP));
    const std::int64_t tiles = sums == SumLoop::OUTER ? std::int64_t{counts_[1]} * counts_[2] : 2;
    within(tiles, hw_.acc_tiles, "the accumulators (tiles)");
    require(c.get(Field::GROUP) == 0 && c.get(Field::EXEC_LEVEL) == 0, "a GEMM is not alone in its loops");
  }

  void entries(std::int64_t first, std::int64_t count) const {
    if (first != kTableLearningRate) within(first + count, hw_.table_words, "the table");
  }

  void check_vector(const Command& c) {
    const std::int64_t groups = divide_up(c.get(Field::COLS), hw_.lanes);
    const std::int64_t tile = full_rows(c) * groups;
    const std::int64_t stride = c.get(Field::VIN_STRIDE);
    const Operands of = operands(c);
    const int outputs = c.opcode() == Opcode::REDUCE ? 0 : of.outputs.size();  // check_reduce() has its results
    if (c.opcode() == Opcode::TILE && !c.flag(Flag::FROM_VIN)) {
      within(full_rows(c), hw_.rows, "tile rows");
      within(full_cols(c), hw_.tile_cols(), "tile columns");
      check_accumulators(c);
    }
    require(
        counts_[0] == 1 || c.get(Field::COLS_DIM) != 0 || c.get(Field::COLS) % static_cast<unsigned>(hw_.lanes) == 0,
        "COLS is no multiple of V");
    require(second(c) + of.tiles() + outputs <= 1 || stride >= tile, "VIN_STRIDE is less than a tile");
    if (of.tiles() > 0) {
      within(c.get(Field::VIN_BASE) + (2 * (of.tiles() - 1) + second(c)) * stride + tile, hw_.vin_words, "VIN");
    }
    if (of.coefficients.size() > 0) {
      within(c.get(Field::VIN_BASE) + 2 * of.tiles() * stride + (2 * of.coefficients.size() - 1 + second(c)) * groups,
             hw_.vin_words, "VIN");
    }
    if (outputs > 0) within((2 * (outputs - 1) + second(c)) * stride + tile, hw_.vout_words, "VOUT");
    if (c.opcode() == Opcode::TABLE_LOAD || c.opcode() == Opcode::TABLE_STORE) return check_table(c);
    for (const TableRead& read : of.table) entries(c.get(read.field), read.count);
    if (c.get(Field::STAT) != 0) entries(c.get(Field::STAT), of.statistics);
    const std::string wrong = kept_.next(c, alone_, counts_, hw_);
    if (!wrong.empty()) fail(wrong);
    if (of.reads_bias || of.writes_bias) {
      LoopIndex last{};
      for (std::size_t dim = 0; dim < 3; ++dim) last[dim] = counts_[dim] - 1;
      const std::int64_t read = divide_up(cols_at(c, last, counts_), hw_.lanes);
      const std::int64_t first = col0_at(c, last) / hw_.lanes;
      within(first + (of.writes_bias ? groups : read), hw_.vbias_words, "VBIAS");  // a whole word of lanes is written
    }
    require(c.get(Field::RAW16) != 0 || c.get(Field::RAW_SHIFT) == 0, "RAW_SHIFT without RAW16");
    if (c.opcode() == Opcode::POOL) within(tile, kPoolWords, "POOL's sums");
    if (c.opcode() == Opcode::REDUCE) check_reduce(c, groups);
  }

  void check_accumulators(const Command& c) const {
    if (c.get(Field::ACC_ALL) == 0) return;
    within(std::int64_t{counts_[0]} * counts_[1], hw_.acc_tiles, "the accumulators (tiles)");
    require(c.get(Field::GROUP) == 0 && c.get(Field::EXEC_LEVEL) == 0 && counts_[2] == 1,
            "a TILE of all accumulators is not alone in two loops");
  }

  void check_reduce(const Command& c, std::int64_t groups) const {
    const bool all = c.get(Field::AXIS_ALL) != 0;
    const int results = c.get(Field::REDUCE_KIND) == static_cast<std::uint32_t>(ReduceKind::RANGE) ? 3 : 4;
    const std::int64_t out = all ? results : results * groups;
    require(all || groups <= kReduceWords, "REDUCE sums at most kReduceWords words of columns");
    const std::int64_t stride = c.get(Field::VIN_STRIDE);
    require(counts_[0] == 1 || stride >= out, "VIN_STRIDE is less than REDUCE's results");
    within((counts_[0] > 1 ? stride : 0) + out, hw_.vout_words, "VOUT");
  }

  void check_table(const Command& c) const {
    LoopIndex last{};
    for (std::size_t dim = 0; dim < 3; ++dim) last[dim] = counts_[dim] - 1;
    const std::int64_t rows = (rows_at(c, last, counts_) - 1) * c.get(Field::TABLE_PITCH);
    entries(c.get(Field::DST), rows + col0_at(c, last) + cols_at(c, last, counts_));
  }

  void check_scalar(const Command& c) const {
    const std::int64_t count = c.get(Field::COLS);
    const auto op = static_cast<ScalarOp>(c.get(Field::SCALAR_OP));
    const bool wide = op == ScalarOp::FROM_SUM || op == ScalarOp::CENTERED || op == ScalarOp::LEVEL;
    require(count > 0, "COLS is 0");
    const auto source = [&](Field field, Field vector) {
      const std::int64_t pitch = wide ? std::int64_t{c.get(Field::TABLE_PITCH)} : 0;
      entries(c.get(field),
              (c.get(vector) != 0 ? count : 1) + (field == Field::SRC_A || op == ScalarOp::CENTERED ? pitch : 0));
    };
    source(Field::SRC_A, Field::VECTOR_A);
    source(Field::SRC_B, Field::VECTOR_B);
    if (op != ScalarOp::SELECT_RANDOM) source(Field::SRC_C, Field::VECTOR_C);
    entries(c.get(Field::DST), 1);
    require(c.get(Field::DST) != 0, "T[0] stays 0");
  }

  const TensorPlacement& tensor_at(const Command& c) const {
    const std::uint64_t address = c.address();
    for (const TensorPlacement& tensor : program_.tensors) {
      if (tensor.in_batch != (c.get(Field::BATCH_BASE) != 0)) continue;
      if (address >= tensor.address && address - tensor.address < tensor.bytes) return tensor;
    }
    fail("no tensor lies at its address");
  }

  /// The extreme iterations decide: addresses are linear in each index, and only the last one has other extents.
  void check_dram(const Command& c) const {
    const TensorPlacement& tensor = tensor_at(c);
    require(memory_bits(c) == tensor.bits, "MEMORY_BITS is not its tensor's");
    if (tensor.bits == 16) check_even(c);
    const auto level = c.get(Field::EXEC_LEVEL);
    const auto extremes = [&](std::size_t dim) -> std::vector<int> {
      if (dim >= 3 - level || counts_[dim] == 1) return {0};
      return {0, counts_[dim] - 2, counts_[dim] - 1};
    };
    for (const int i0 : extremes(0)) {
      for (const int i1 : extremes(1)) {
        for (const int i2 : extremes(2)) {
          if (c.get(Field::SHAPED) != 0) {
            check_shaped(c, {i0, i1, i2}, tensor);
          } else {
            check_access(c, {i0, i1, i2}, tensor);
          }
        }
      }
    }
  }

  /// Elements of 16 bits begin at even bytes, or LOAD would cut them.
  void check_even(const Command& c) const {
    const auto even = [&](std::int64_t bytes) { require(bytes % 2 == 0, "elements of 16 bits begin at odd bytes"); };
    even(static_cast<std::int64_t>(c.address() % 2));
    for (const Field field : {Field::STRIDE0, Field::STRIDE1, Field::STRIDE2, Field::PITCH}) even(c.get_signed(field));
    if (c.get(Field::SHAPED) == 0) return;
    const Command& shape = shapes_[c.opcode() == Opcode::LOAD ? 0 : 1][c.get(Field::SHAPE)];
    for (const Field field : {Field::PIXEL_PITCH, Field::LINE_PITCH, Field::IMAGE_PITCH}) even(shape.get(field));
  }

  void check_access(const Command& c, const LoopIndex& index, const TensorPlacement& tensor) const {
    const std::int64_t offset = static_cast<std::int64_t>(address_at(c, index) - tensor.address);
    require(offset >= 0, "an access lies before its tensor");
    const std::int64_t cols = cols_at(c, index, counts_);
    const std::int64_t rows = rows_at(c, index, counts_);
    const std::int64_t pitch = c.get(Field::PITCH);
    require(rows > 0 && cols > 0, "an access is empty");
    const std::int64_t row_end = divide_up((col0_at(c, index) + cols) * tensor.bits, 8);
    require(pitch == 0 || row_end <= pitch, "a row reaches over its tensor's row");
    require(c.opcode() == Opcode::LOAD || (pitch > 0 && col0_at(c, index) * tensor.bits % 8 == 0),
            "a stored row does not start at a byte");
    within(offset + (rows - 1) * pitch + row_end, tensor.bytes, tensor.name.c_str());
  }

  /// Rows of a shaped transfer: the last image that they reach, and in it the last line and pixel inside the limits.
  void check_shaped(const Command& c, const LoopIndex& index, const TensorPlacement& tensor) const {
    const bool load = c.opcode() == Opcode::LOAD;
    const Command& shape = shapes_[load ? 0 : 1][c.get(Field::SHAPE)];
    require(shape.opcode() == (load ? Opcode::LOAD_SHAPE : Opcode::STORE_SHAPE), "its shape was never set");
    const std::int64_t rows = rows_at(c, index, counts_);
    const std::int64_t cols = cols_at(c, index, counts_);
    require(rows > 0 && cols > 0, "an access is empty");
    const std::int64_t extent_x = shape.get(Field::EXTENT_X);
    const std::int64_t extent_y = shape.get(Field::EXTENT_Y);
    const std::int64_t image = (row0_at(c, index) + rows - 1) / (extent_x * extent_y);
    const std::int64_t col_end = col0_at(c, index) + cols;
    std::int64_t line = shape.get(Field::LIMIT_Y) - 1;
    std::int64_t pixel = shape.get(Field::LIMIT_X) - 1;
    std::int64_t elements = shape.get(Field::SEGMENT_BASE) + shape.get(Field::SEGMENT);
    if (load) {
      require(c.get(Field::TAP_LOOP) != 0 || c.get(Field::COL_BASE) == 0, "a stream does not start at column 0");
      const std::int64_t taps = std::int64_t{shape.get(Field::TAPS_X)} * shape.get(Field::TAPS_Y);
      within(col_end, shape.get(Field::SEGMENT) * (c.get(Field::TAP_LOOP) != 0 ? 1 : taps), "the stream");
      require(local_bits(c) != 1 || shape.get(Field::SEGMENT) % 8 == 0 || c.get(Field::TRANSPOSE) != 0,
              "a tap of signs is no whole number of bytes");
      require(local_bits(c) != 1 || c.get(Field::TRANSPOSE) == 0 || !reads_padding(shape),
              "transposed signs come from padding");
    } else {
      const auto last = [&](Field scale, Field offset, std::int64_t extent) {
        return (extent - 1) * shape.get(scale) + shape.get_signed(offset);
      };
      line = last(Field::SCALE_Y, Field::OFFSET_Y, extent_y);
      pixel = last(Field::SCALE_X, Field::OFFSET_X, extent_x);
      elements = col_end;
      require(col0_at(c, index) * tensor.bits % 8 == 0, "a stored row does not start at a byte");
      require(shape.get_signed(Field::OFFSET_X) >= 0 && shape.get_signed(Field::OFFSET_Y) >= 0,
              "an offset is negative");
    }
    require(elements * tensor.bits <= 8 * std::int64_t{shape.get(Field::PIXEL_PITCH)} || pixel + line + image == 0 ||
                shape.get(Field::PIXEL_PITCH) == 0,
            "a pixel's elements reach over the next pixel");
    const std::int64_t offset = static_cast<std::int64_t>(c.address() - tensor.address);
    within(offset + image * shape.get(Field::IMAGE_PITCH) + line * shape.get(Field::LINE_PITCH) +
               pixel * shape.get(Field::PIXEL_PITCH) + divide_up(elements * tensor.bits, 8),
           tensor.bytes, tensor.name.c_str());
  }

  const Program& program_;
  const Hardware& hw_;
  int command_ = 0;
  LoopIndex counts_{1, 1, 1};
  bool alone_ = true;  ///< the command is its group
  KeptResults kept_;
  std::array<std::array<Command, kShapeSlots>, 2> shapes_ = make_shapes();

  static std::array<std::array<Command, kShapeSlots>, 2> make_shapes() {
    const Command none(Opcode::END);
    return {{{none, none, none, none}, {none, none, none, none}}};
  }
};

}  // namespace

void verify_places(const Program& program) { Places(program).run(); }

}  // namespace bitloom
