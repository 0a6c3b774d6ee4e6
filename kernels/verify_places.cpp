// Every address of a program, in DRAM and in the local memories, lies where it may.
#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "kernels/loops.hpp"
#include "kernels/tiling.hpp"
#include "kernels/verify.hpp"
#include "model/error.hpp"

namespace bitloom {

namespace {

constexpr int kSegmentTerms = 65536;

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
      case Opcode::LOAD:
        check_load(command);
        return check_dram(command);
      case Opcode::STORE:
        check_store(command);
        return check_dram(command);
      case Opcode::GEMM:
        return check_gemm(command);
      case Opcode::TILE:
        return check_tile(command);
      case Opcode::UPDATE:
        return check_update(command);
      case Opcode::LOSS:
        return check_loss(command);
      case Opcode::SCALAR:
        return check_scalar(command);
      case Opcode::TABLE_LOAD:
        within(command.get(Field::VIN_BASE) + table_copy_words(command), hw_.vin_words, "VIN");
        return check_table(command);
      case Opcode::TABLE_STORE:
        within(table_copy_words(command), hw_.vout_words, "VOUT");
        return check_table(command);
      default:
        return;
    }
  }

  std::int64_t full_rows(const Command& c) const { return std::max(c.get(Field::ROWS), c.get(Field::ROWS_LAST)); }
  std::int64_t full_cols(const Command& c) const { return std::max(c.get(Field::COLS), c.get(Field::COLS_LAST)); }
  std::int64_t beats(std::int64_t bytes) const { return divide_up(bytes, hw_.axi_bytes); }
  /// 1 when a second buffer is ever used.
  int second(const Command& command) const {
    LoopIndex last{};
    for (std::size_t dim = 0; dim < 3; ++dim) last[dim] = counts_[dim] - 1;
    return iteration_number(last, counts_, static_cast<int>(command.get(Field::PARITY0))) > 0 ? 1 : 0;
  }

  void check_load(const Command& c) const {
    const auto target = static_cast<LoadTarget>(c.get(Field::TARGET));
    const std::int64_t row_end = c.get(Field::LOCAL_BASE) + beats(full_cols(c));
    if (target == LoadTarget::VIN) {
      const std::int64_t rows = (full_rows(c) - 1) * c.get(Field::LOCAL_PITCH);
      require(full_rows(c) == 1 || beats(full_cols(c)) <= c.get(Field::LOCAL_PITCH), "rows overlap in VIN");
      return within(row_end + rows + second(c) * std::int64_t{c.get(Field::LOCAL_STRIDE)}, hw_.vin_words, "VIN");
    }
    const bool is_a = target == LoadTarget::SPAD_A;
    within(full_rows(c), is_a ? hw_.rows : hw_.cols, "lanes");
    within(row_end * hw_.axi_bytes, is_a ? hw_.spad_a_bytes : hw_.spad_b_bytes, is_a ? "spad A" : "spad B");
  }

  void check_store(const Command& c) const {
    switch (static_cast<StoreSource>(c.get(Field::TARGET))) {
      case StoreSource::RAW: {
        const std::int64_t row_end = c.get(Field::LOCAL_BASE) + beats(full_cols(c));
        const std::int64_t rows = (full_rows(c) - 1) * c.get(Field::LOCAL_PITCH);
        return within(row_end + rows + second(c) * std::int64_t{c.get(Field::LOCAL_STRIDE)}, hw_.vout_words, "VOUT");
      }
      case StoreSource::P1:
        within(full_rows(c), hw_.rows, "VOUT.P1");
        return within(full_cols(c), hw_.axi_bytes, "a word of VOUT.P1");
      case StoreSource::P2:
        within(full_rows(c), hw_.cols, "VOUT.P2");
        return within(full_cols(c), hw_.axi_bytes, "a word of VOUT.P2");
      case StoreSource::MASK:
        require(full_rows(c) == 1, "a mask has one row");
        return within(beats(full_cols(c)), hw_.mask_words(), "VOUT.MASK");
    }
    fail("unknown source");
  }

  void check_gemm(const Command& c) const {
    const int terms_per_byte = c.get(Field::BITS4) != 0 ? 2 : 1;
    within(full_cols(c) * terms_per_byte, kSegmentTerms, "a segment (terms)");
    within(beats(full_cols(c)) * hw_.axi_bytes, hw_.spad_a_bytes, "spad A");
    for (int segment = 0; segment < counts_[2]; ++segment) {
      const std::int64_t words = beats(cols_at(c, {0, 0, segment}, counts_));
      within((std::int64_t{c.get(Field::B_STEP)} * segment + words) * hw_.axi_bytes, hw_.spad_b_bytes, "spad B");
    }
  }

  void check_tile(const Command& c) const {
    const std::int64_t groups = divide_up(c.get(Field::COLS), hw_.lanes());
    const std::int64_t words = full_rows(c) * groups;
    const std::int64_t start = c.get(Field::VIN_BASE) + second(c) * std::int64_t{c.get(Field::VIN_STRIDE)};
    within(full_rows(c), hw_.rows, "tile rows");
    within(full_cols(c), hw_.tile_cols(), "tile columns");
    require(counts_[0] == 1 || c.get(Field::COLS) % hw_.lanes() == 0, "COLS is no multiple of V");
    require(c.get(Field::BITS4) == 0 || counts_[1] == 1 || c.get(Field::ROWS) % 2 == 0, "ROWS is odd with int4 codes");
    if (c.flag(Flag::FROM_VIN)) within(start + words, hw_.vin_words, "VIN");
    if (c.flag(Flag::MASK_IN)) within(start + beats(words), hw_.vin_words, "VIN");
    const std::int64_t vout = second(c) * std::int64_t{c.get(Field::VIN_STRIDE)} + words;
    if (c.flag(Flag::RAW_OUT)) within(vout, hw_.vout_words, "VOUT");
    if (c.flag(Flag::BIAS_OUT) || c.flag(Flag::ADD_BIAS)) {
      const std::int64_t last = divide_up(c.get(Field::COLS_LAST), hw_.lanes());
      within(groups * (counts_[0] - 1) + last, hw_.vbias_words, "VBIAS");
    }
    check_statistics(c);
  }

  void check_sections(const Command& c, int vin_sections, int vout_sections) const {
    const std::int64_t words = full_rows(c) * divide_up(c.get(Field::COLS), hw_.lanes());
    const std::int64_t stride = c.get(Field::VIN_STRIDE);
    require(stride >= words, "VIN_STRIDE is less than a tile");
    const std::int64_t last = second(c) + 2 * (vin_sections - 1);
    within(c.get(Field::VIN_BASE) + last * stride + words, hw_.vin_words, "VIN");
    within((second(c) + 2 * (vout_sections - 1)) * stride + words, hw_.vout_words, "VOUT");
    check_statistics(c);
  }

  void check_update(const Command& c) const {
    check_sections(c, 3, 2);
    within(c.get(Field::RATIO_W) + 1, hw_.table_words, "the table");
  }

  void check_loss(const Command& c) const {
    check_sections(c, 2, 1);
    require(c.get(Field::ROWS) % static_cast<unsigned>(hw_.lanes()) == 0, "ROWS is no multiple of V");
  }

  void check_statistics(const Command& c) const {
    within(c.get(Field::STAT) + 3, hw_.table_words, "the table");
    within(c.get(Field::RATIO) + 1, hw_.table_words, "the table");
  }

  void check_scalar(const Command& c) const {
    for (const Field source : {Field::SRC_A, Field::SRC_B, Field::SRC_KEEP}) {
      if (c.get(source) != kTableLearningRate) within(c.get(source) + 1, hw_.table_words, "the table");
    }
    within(c.get(Field::DST) + 1, hw_.table_words, "the table");
    require(c.get(Field::DST) != 0, "T[0] stays 0");
  }

  /// Words of VIN or VOUT that hold the entries of a TABLE command.
  std::int64_t table_copy_words(const Command& c) const {
    return (std::int64_t{c.get(Field::COLS)} + hw_.lanes() - 1) / hw_.lanes();
  }

  void check_table(const Command& c) const {
    within(c.get(Field::DST) + std::int64_t{c.get(Field::COLS)}, hw_.table_words, "the table");
  }

  /// The tensor at an address and its end; a STORE of dw also writes the db behind it.
  std::pair<const TensorPlacement*, std::int64_t> tensor_at(const Command& c) const {
    const std::uint32_t address = c.get(Field::ADDR);
    for (std::size_t i = 0; i < program_.tensors.size(); ++i) {
      const TensorPlacement& tensor = program_.tensors[i];
      if (tensor.in_batch != (c.get(Field::BATCH_BASE) != 0)) continue;
      if (address < tensor.address || address - tensor.address >= tensor.bytes) continue;
      std::int64_t end = std::int64_t{tensor.address} + tensor.bytes;
      if (c.opcode() == Opcode::STORE && i + 1 < program_.tensors.size() &&
          program_.tensors[i + 1].name.ends_with(".db") && program_.tensors[i + 1].address == end) {
        end += program_.tensors[i + 1].bytes;
      }
      return {&tensor, end};
    }
    fail("no tensor lies at its address");
  }

  /// The extreme iterations decide: addresses are linear in each index, and only the last one has other extents.
  void check_dram(const Command& c) const {
    const auto [tensor, end] = tensor_at(c);
    const bool load = c.opcode() == Opcode::LOAD;
    const auto level = c.get(Field::EXEC_LEVEL);
    require(!load || c.get(Field::PITCH) % static_cast<unsigned>(hw_.axi_bytes) == 0, "PITCH is not W-aligned");
    const auto extremes = [&](std::size_t dim) -> std::vector<int> {
      if (dim >= 3 - level || counts_[dim] == 1) return {0};
      return {0, counts_[dim] - 2, counts_[dim] - 1};
    };
    for (const int i0 : extremes(0)) {
      for (const int i1 : extremes(1)) {
        for (const int i2 : extremes(2)) check_access(c, {i0, i1, i2}, *tensor, end, load);
      }
    }
  }

  void check_access(const Command& c, const LoopIndex& index, const TensorPlacement& tensor, std::int64_t end,
                    bool load) const {
    const std::int64_t offset = std::int64_t{address_at(c, index)} - tensor.address;
    require(offset >= 0, "an access lies before its tensor");
    const std::int64_t cols = cols_at(c, index, counts_);
    const std::int64_t bytes = load ? beats(cols) * hw_.axi_bytes : cols;
    const std::int64_t rows = rows_at(c, index, counts_);
    require(rows > 0 && cols > 0, "an access is empty");
    require(!load || offset % hw_.axi_bytes == 0, "a row is not W-aligned");
    require(offset % tensor.pitch + bytes <= tensor.pitch, "a row reaches over its tensor's row");
    require(rows == 1 || c.get(Field::PITCH) == tensor.pitch, "PITCH is not its tensor's");
    within(tensor.address + offset + (rows - 1) * tensor.pitch + bytes, end, tensor.name.c_str());
  }

  const Program& program_;
  const Hardware& hw_;
  int command_ = 0;
  LoopIndex counts_{1, 1, 1};
};

}  // namespace

void verify_places(const Program& program) { Places(program).run(); }

}  // namespace bitloom
