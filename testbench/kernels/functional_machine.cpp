#include <fmt/format.h>

#include <algorithm>

#include "kernels/tiling.hpp"
#include "model/affine.hpp"
#include "model/error.hpp"
#include "model/functions.hpp"
#include "model/group_code.hpp"
#include "model/log_code.hpp"
#include "model/niti.hpp"
#include "model/numbers.hpp"
#include "model/polyline.hpp"
#include "model/real.hpp"
#include "model/statistics.hpp"
#include "model/update.hpp"
#include "testbench/kernels/functional_parts.hpp"

namespace bitloom::functional {

namespace {

Command none() { return Command(Opcode::END); }

}  // namespace

FunctionalMachine::FunctionalMachine(const Program& program, std::span<std::uint8_t> memory,
                                     const MachineRegisters& registers)
    : program_(program),
      hw_(program.hardware),
      memory_(memory),
      registers_(registers),
      shapes_{{{none(), none(), none(), none()}, {none(), none(), none(), none()}}} {
  for (auto& buffers : spads_) {
    for (auto& lanes : buffers) lanes.resize(at(32));
  }
  for (int spad = 0; spad < 2; ++spad) {
    const int bytes = spad == 0 ? hw_.spad_a_bytes : hw_.spad_b_bytes;
    for (auto& lanes : spads_[at(spad)]) {
      for (Lane& lane : lanes) {
        lane.bytes.assign(at(bytes), 0xA5);
        lane.valid.assign(at(bytes), 1);
      }
    }
  }
  for (auto& acc : acc_) acc.assign(at(hw_.rows) * at(hw_.cols), 0x5a5a5a);
  vin_.assign(at(hw_.vin_words) * at(hw_.lanes()), 0x5bad);
  vout_.assign(at(hw_.vout_words) * at(hw_.lanes()), 0x5bad);
  vbias_.assign(at(hw_.vbias_words) * at(hw_.lanes()), 0x5bad);
  table_.assign(at(hw_.table_words), 0xDEADBEEF);
  table_[0] = 0;
}

void FunctionalMachine::run() {
  for (std::size_t i = 0; i < program_.commands.size(); ++i) {
    const Opcode op = program_.commands[i].opcode();
    if (op != Opcode::END) queues_[at(queue_of(op))].fifo.push_back(static_cast<int>(i));
  }
  for (;;) {
    bool moved = false;
    for (int queue = 0; queue < kQueues; ++queue) {
      while (step(queue)) moved = true;
    }
    if (!moved) break;
  }
  for (const Runner& runner : queues_) {
    if (runner.running || !runner.fifo.empty()) throw Error("functional machine: deadlock");
  }
}

bool FunctionalMachine::step(int queue) {
  Runner& q = queues_[at(queue)];
  if (!q.running) {
    if (q.fifo.empty()) return false;
    const Command& first = program_.commands[at(q.fifo.front())];
    q.counts = loop_counts(first);
    q.group.assign(q.fifo.begin(), q.fifo.begin() + 1 + first.get(Field::GROUP));
    q.fifo.erase(q.fifo.begin(), q.fifo.begin() + 1 + first.get(Field::GROUP));
    q.index = {};
    q.next = 0;
    q.running = true;
  }
  const Command& c = program_.commands[at(q.group[q.next])];
  if (at_first(q.index, static_cast<int>(c.get(Field::EXEC_LEVEL)))) {
    std::array<int, kTokenCounters> need{};
    for (const Token& t : c.waits()) need[at(t.id)] += at_first(q.index, t.level) ? 1 : 0;
    for (std::size_t id = 0; id < need.size(); ++id) {
      if (tokens_[id] < need[id]) return false;
    }
    for (std::size_t id = 0; id < need.size(); ++id) tokens_[id] -= need[id];
    try {
      execute(c, q.index, q.counts);
    } catch (const std::exception& error) {
      throw Error(fmt::format("functional machine: {}: {}", disassemble(c), error.what()));
    }
    for (const Token& t : c.signals()) tokens_[at(t.id)] += at_last(q.index, q.counts, t.level) ? 1 : 0;
  }
  if (++q.next == q.group.size()) {
    q.next = 0;
    if (!advance(q.index, q.counts)) q.running = false;
  }
  return true;
}

void FunctionalMachine::execute(const Command& c, const Index& index, const Index& counts) {
  switch (c.opcode()) {
    case Opcode::LOAD_SHAPE:
    case Opcode::STORE_SHAPE:
      shapes_[c.opcode() == Opcode::LOAD_SHAPE ? 0 : 1][c.get(Field::SLOT)] = c;
      return;
    case Opcode::LOAD:
      return load(c, index, counts);
    case Opcode::STORE:
      return store(c, index, counts);
    case Opcode::GEMM:
      return gemm(c, index, counts);
    case Opcode::TILE:
      return tile(c, index, counts);
    case Opcode::AFFINE:
      return affine(c, index, counts);
    case Opcode::REDUCE:
      return reduce(c, index, counts);
    case Opcode::POOL:
      return pool(c, index, counts);
    case Opcode::ADAM:
      return adam(c, index, counts);
    case Opcode::UPDATE:
      return update(c, index, counts);
    case Opcode::LOSS:
      return loss(c, index, counts);
    case Opcode::TABLE_LOAD:
    case Opcode::TABLE_STORE:
      return table_move(c, index, counts);
    case Opcode::SCALAR:
      return scalar(c);
    default:
      return;
  }
}

int FunctionalMachine::parity(const Command& c, Field field, const Index& index, const Index& counts) const {
  return static_cast<int>(iteration_number(index, counts, static_cast<int>(c.get(field))) & 1);
}

std::int32_t FunctionalMachine::element(std::uint64_t bit, int bits, Expand expand) const {
  std::uint32_t value = 0;
  for (int b = 0; b < bits; ++b) {
    const std::uint64_t position = bit + static_cast<std::uint64_t>(b);
    if (position / 8 >= memory_.size()) throw Error("reads behind the memory");
    value |= (std::uint32_t{memory_[position / 8]} >> (position % 8) & 1u) << b;
  }
  if (bits == 32 || expand == Expand::UNSIGNED) return static_cast<std::int32_t>(value);
  if (expand == Expand::PLUS_MINUS && bits == 1) return value == 1 ? 1 : -1;
  return static_cast<std::int32_t>(value << (32 - bits)) >> (32 - bits);
}

/// Element `col` of the row (or stream) `row` of a LOAD.
std::int32_t FunctionalMachine::source(const Command& c, const Index& index, std::int64_t row, std::int64_t col,
                                       bool& padding) const {
  const std::uint64_t base =
      std::uint64_t{address_at(c, index)} + (c.get(Field::BATCH_BASE) != 0 ? registers_.batch : 0);
  const int bits = memory_bits(c);
  const auto expand = static_cast<Expand>(c.get(Field::EXPAND));
  padding = false;
  if (c.get(Field::SHAPED) == 0) {
    const std::uint64_t address = base + static_cast<std::uint64_t>(row) * c.get(Field::PITCH);
    return element(address * 8 + static_cast<std::uint64_t>(col * bits), bits, expand);
  }
  const Command& s = shapes_[0][c.get(Field::SHAPE)];
  const std::int64_t ex = s.get(Field::EXTENT_X), ey = s.get(Field::EXTENT_Y), segment = s.get(Field::SEGMENT);
  const std::int64_t x = row % ex, y = row / ex % ey, n = row / (ex * ey);
  std::int64_t tap = col / segment, ty = tap / s.get(Field::TAPS_X), tx = tap % s.get(Field::TAPS_X);
  if (c.get(Field::TAP_LOOP) != 0) {
    ty = index[1];
    tx = index[2];
    if (tap != 0) throw Error("a stream of one tap is read beyond it");
  } else if (ty >= s.get(Field::TAPS_Y)) {
    throw Error("a stream is read beyond its taps");
  }
  const std::int64_t sy = y * s.get(Field::SCALE_Y) + ty * s.get_signed(Field::TAP_Y) + s.get_signed(Field::OFFSET_Y);
  const std::int64_t sx = x * s.get(Field::SCALE_X) + tx * s.get_signed(Field::TAP_X) + s.get_signed(Field::OFFSET_X);
  if (sy < 0 || sx < 0 || sy >= s.get(Field::LIMIT_Y) || sx >= s.get(Field::LIMIT_X)) {
    padding = true;
    return c.get(Field::PAD_MIN) != 0 ? INT32_MIN : 0;
  }
  const std::uint64_t address =
      base + static_cast<std::uint64_t>(n * s.get(Field::IMAGE_PITCH) + sy * s.get(Field::LINE_PITCH) +
                                        sx * s.get(Field::PIXEL_PITCH));
  const std::int64_t e = s.get(Field::SEGMENT_BASE) + col % segment;
  return element(address * 8 + static_cast<std::uint64_t>(e * bits), bits, expand);
}

void FunctionalMachine::load(const Command& c, const Index& index, const Index& counts) {
  const std::int64_t rows = rows_at(c, index, counts), cols = cols_at(c, index, counts);
  const std::int64_t row0 = c.get(Field::SHAPED) != 0 ? row0_at(c, index) : 0, col0 = col0_at(c, index);
  const int buffer = parity(c, Field::PARITY0, index, counts);
  const auto target = static_cast<LoadTarget>(c.get(Field::TARGET));
  const std::int64_t base = c.get(Field::LOCAL_BASE), v = hw_.lanes();
  if (target == LoadTarget::VIN) {
    for (std::int64_t i = 0; i < rows; ++i) {
      const std::int64_t word = base + buffer * c.get(Field::LOCAL_STRIDE) + i * c.get(Field::LOCAL_PITCH);
      for (std::int64_t j = 0; j < round_up(cols, v); ++j) {
        bool padding = false;
        vin_.at(at(word * v + j)) = j < cols ? source(c, index, row0 + i, col0 + j, padding) : 0;
      }
    }
    return;
  }
  const int bits = bits_of(static_cast<Width>(c.get(Field::LOCAL_BITS)));
  const bool transpose = c.get(Field::TRANSPOSE) != 0;
  auto& lanes = spads_[target == LoadTarget::SPAD_A ? 0 : 1][at(buffer)];
  const std::int64_t length = transpose ? rows : cols;
  for (std::int64_t lane = 0; lane < (transpose ? cols : rows); ++lane) {
    Lane& to = lanes.at(at(lane));
    const std::int64_t first = base * hw_.axi_bytes;
    const std::int64_t end =
        first + (transpose ? divide_up(length * bits, 8) : round_up(divide_up(length * bits, 8), hw_.axi_bytes));
    for (std::int64_t byte = first; byte < end; ++byte) {
      to.bytes.at(at(byte)) = 0;
      to.valid.at(at(byte)) = 1;
    }
    for (std::int64_t k = 0; k < length; ++k) {
      bool padding = false;
      const std::int32_t value = transpose ? source(c, index, row0 + k, col0 + lane, padding)
                                           : source(c, index, row0 + lane, col0 + k, padding);
      const std::int64_t bit = first * 8 + k * bits;
      to.bytes.at(at(bit / 8)) |=
          static_cast<std::uint8_t>((static_cast<unsigned>(value) & ((1u << bits) - 1)) << (bit % 8));
      if (padding) to.valid.at(at(bit / 8)) = 0;
    }
  }
}

void FunctionalMachine::store(const Command& c, const Index& index, const Index& counts) {
  const std::int64_t rows = rows_at(c, index, counts), cols = cols_at(c, index, counts);
  const std::int64_t row0 = row0_at(c, index), col0 = col0_at(c, index), v = hw_.lanes();
  const int bits = memory_bits(c);
  const int buffer = parity(c, Field::PARITY0, index, counts);
  for (std::int64_t i = 0; i < rows; ++i) {
    std::int64_t address = address_at(c, index);
    if (c.get(Field::SHAPED) != 0) {
      const Command& s = shapes_[1][c.get(Field::SHAPE)];
      const std::int64_t r = row0 + i, ex = s.get(Field::EXTENT_X), ey = s.get(Field::EXTENT_Y);
      address += r / (ex * ey) * s.get(Field::IMAGE_PITCH) +
                 (r / ex % ey * s.get(Field::SCALE_Y) + s.get_signed(Field::OFFSET_Y)) * s.get(Field::LINE_PITCH) +
                 (r % ex * s.get(Field::SCALE_X) + s.get_signed(Field::OFFSET_X)) * s.get(Field::PIXEL_PITCH);
    } else {
      address += i * c.get(Field::PITCH);
    }
    address += col0 * bits / 8;
    const std::int64_t word =
        c.get(Field::LOCAL_BASE) + buffer * c.get(Field::LOCAL_STRIDE) + i * c.get(Field::LOCAL_PITCH);
    for (std::int64_t byte = 0; byte < divide_up(cols * bits, 8); ++byte) memory_[at(address + byte)] = 0;
    for (std::int64_t j = 0; j < cols; ++j) {
      const auto value = static_cast<std::uint32_t>(vout_.at(at(word * v + j)));
      for (int b = 0; b < bits; ++b) {
        const std::int64_t bit = j * bits + b;
        memory_[at(address + bit / 8)] |= static_cast<std::uint8_t>((value >> b & 1u) << (bit % 8));
      }
    }
  }
}

void FunctionalMachine::gemm(const Command& c, const Index& index, const Index& counts) {
  const auto mode = static_cast<Mode>(c.get(Field::MODE));
  const std::int64_t bytes = cols_at(c, index, counts);
  const auto& a = spads_[0][at(parity(c, Field::PARITY0, index, counts))];
  const auto& b = spads_[1][at(parity(c, Field::PARITY1, index, counts))];
  const std::int64_t b_first = std::int64_t{index[2]} * c.get(Field::B_STEP) * hw_.axi_bytes;
  auto& acc = acc_[at(iteration_number(index, counts, 1) & 1)];
  const auto value = [&](int code, Field kind) -> std::int64_t {
    switch (static_cast<Kind>(c.get(kind))) {
      case Kind::LOG:
        return log_value(static_cast<std::uint8_t>(code));
      case Kind::UNSIGNED:
        return code;
      default:
        return mode == Mode::MAC8 ? static_cast<std::int8_t>(code) : ((code & 15) ^ 8) - 8;
    }
  };
  for (int r = 0; r < hw_.rows; ++r) {
    for (int col = 0; col < hw_.cols; ++col) {
      std::int64_t sum = 0;
      for (std::int64_t k = 0; k < bytes; ++k) {
        const int x = a[at(r)].bytes.at(at(k)), y = b[at(col)].bytes.at(at(b_first + k));
        if (mode == Mode::MAC8) {
          sum += value(x, Field::A_KIND) * value(y, Field::B_KIND);
        } else if (mode == Mode::MAC4) {
          sum += value(x & 15, Field::A_KIND) * value(y & 15, Field::B_KIND) +
                 value(x >> 4, Field::A_KIND) * value(y >> 4, Field::B_KIND);
        } else if (a[at(r)].valid[at(k)] != 0) {
          sum += 8 - 2 * __builtin_popcount(static_cast<unsigned>(x ^ y));
        }
      }
      std::int64_t& cell = acc[at(r) * at(hw_.cols) + at(col)];
      cell = index[2] == 0 ? sum : cell + sum;
    }
  }
}

}  // namespace bitloom::functional
