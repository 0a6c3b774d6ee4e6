#include "sim/command_values.hpp"

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
#include "sim/simulator.hpp"

namespace bitloom {

namespace {

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }
std::uint32_t magnitude(std::int64_t x) { return static_cast<std::uint32_t>(x < 0 ? -x : x); }
int memory_bits(const Command& c) { return bits_of(static_cast<Width>(c.get(Field::MEMORY_BITS))); }
Command none() { return Command(Opcode::END); }

}  // namespace

/// One execution of a vector command: tile, sections.
struct CommandValues::TileAt {
  std::int64_t rows, cols, row0, col0, groups, stride, base, lanes, parity, inputs = 0, outputs = 0, coefficients = 0;
  std::vector<std::int32_t>& vin;
  std::vector<std::int32_t>& vout;

  std::int64_t input_word(std::int64_t k, std::int64_t i, std::int64_t j) const {
    return base + (2 * k + parity) * stride + i * groups + j / lanes;
  }
  std::int32_t in(std::int64_t k, std::int64_t i, std::int64_t j) const {
    return vin.at(at(input_word(k, i, j) * lanes + j % lanes));
  }
  std::int32_t row_value(std::int64_t k, std::int64_t i) const {
    return vin.at(at((base + (2 * k + parity) * stride + i) * lanes));
  }
  std::int32_t coefficient(std::int64_t k, std::int64_t j, bool scalar) const {
    const std::int64_t word = base + 2 * inputs * stride + (2 * k + parity) * groups + (scalar ? 0 : j / lanes);
    return vin.at(at(word * lanes + (scalar ? 0 : j % lanes)));
  }
  void out(std::int64_t k, std::int64_t i, std::int64_t j, std::int32_t value) {
    vout.at(at(((2 * k + parity) * stride + i * groups + j / lanes) * lanes + j % lanes)) = value;
  }
};

CommandValues::CommandValues(const Hardware& hardware, std::span<std::uint8_t> memory, const StepRegisters& registers)
    : hw_(hardware),
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

void CommandValues::execute(const Command& c, const Index& index, const Index& counts) {
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

int CommandValues::parity(const Command& c, Field field, const Index& index, const Index& counts) const {
  return static_cast<int>(iteration_number(index, counts, static_cast<int>(c.get(field))) & 1);
}

std::int32_t CommandValues::element(std::uint64_t bit, int bits, Expand expand) const {
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
std::int32_t CommandValues::source(const Command& c, const Index& index, std::int64_t row, std::int64_t col,
                                   bool& padding) const {
  const std::uint64_t base =
      std::uint64_t{address_at(c, index)} + (c.get(Field::BATCH_BASE) != 0 ? registers_.batch - registers_.base : 0);
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

void CommandValues::load(const Command& c, const Index& index, const Index& counts) {
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

void CommandValues::store(const Command& c, const Index& index, const Index& counts) {
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

void CommandValues::gemm(const Command& c, const Index& index, const Index& counts) {
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

std::uint32_t CommandValues::word(std::int64_t entry) const {
  return entry == kTableLearningRate ? registers_.learning_rate : table_.at(at(entry));
}

std::int64_t CommandValues::pair(std::int64_t entry, std::int64_t pitch) const {
  return static_cast<std::int64_t>(std::uint64_t{word(entry)} | std::uint64_t{word(entry + pitch)} << 32);
}

std::uint32_t CommandValues::random(const Command& c, RandomUse use, std::int64_t row, std::int64_t col, int r) const {
  return make_stream(registers_.seed, registers_.step, c.get(Field::TENSOR), use, c.get(Field::SAMPLE))
      .draw(static_cast<std::uint32_t>(row), static_cast<std::uint32_t>(col), r);
}

void CommandValues::add_statistics(const Command& c, const Index& index, std::uint32_t max, std::uint64_t codes,
                                   std::uint64_t raw) {
  const auto stat = c.get(Field::STAT);
  if (stat == 0) return;
  if (index == Index{}) table_.at(stat) = table_.at(stat + 1) = table_.at(stat + 2) = 0;
  table_[stat] = std::max(table_[stat], max);
  table_[stat + 1] += static_cast<std::uint32_t>(codes);
  table_[stat + 2] += static_cast<std::uint32_t>(raw);
}

bool CommandValues::mask(const Command& c, std::int64_t before_relu, std::int64_t x) const {
  const auto limit = static_cast<std::int32_t>(word(c.get(Field::LIMIT)));
  switch (static_cast<MaskRule>(c.get(Field::MASK_RULE))) {
    case MaskRule::INSIDE:
      return x <= limit && x >= -std::int64_t{limit};
    case MaskRule::BELOW:
      return x < limit && x > -std::int64_t{limit};
    case MaskRule::POSITIVE_INSIDE:
      return x > 0 && x <= limit;
    default:
      return before_relu > 0;
  }
}

std::int64_t CommandValues::code(const Command& c, std::int64_t x, std::int64_t row, std::int64_t col, const TileAt& t,
                                 int j) {
  const auto rounding = static_cast<RoundingMode>(c.get(Field::ROUNDING));
  const auto use = static_cast<RandomUse>(c.get(Field::USE));
  const std::uint32_t u = rounding == RoundingMode::STOCHASTIC ? random(c, use, row, col, 8) : 0;
  const auto kind = rounding <= RoundingMode::STOCHASTIC ? static_cast<Rounding>(rounding) : Rounding::kHalfUp;
  switch (static_cast<QuantizerKind>(c.get(Field::QUANTIZER))) {
    case QuantizerKind::SIGN:
      return x > 0 ? 1 : 0;
    case QuantizerKind::LOG: {
      std::uint64_t saturations = 0;
      const auto limited = static_cast<std::int32_t>(std::clamp<std::int64_t>(x, -kRawLimit, kRawLimit));
      return log_encode(limited, word(c.get(Field::RATIO)), static_cast<int>(c.get(Field::QMAX)), u, 8, kind,
                        saturations);
    }
    case QuantizerKind::GROUP: {
      const bool scalar = c.get(Field::COEF_SCALAR) != 0;
      const Real ratio = Real::from_word(static_cast<std::uint32_t>(t.coefficient(0, j, scalar)));
      const auto levels = static_cast<std::int64_t>(c.get(Field::QMAX));
      const auto scale = factor(ratio);
      if (!scale) return 0;
      return std::clamp<std::int64_t>(requantize(x - t.coefficient(1, j, scalar), *scale, Rounding::kStochastic, u, 8),
                                      0, levels);
    }
    default: {
      const Scale ratio = from_word(word(c.get(Field::RATIO)));
      if (rounding == RoundingMode::HALF_AWAY) {
        const std::int64_t m = requantize(x < 0 ? -x : x, ratio, Rounding::kHalfUp);
        return x < 0 ? -m : m;
      }
      if (rounding == RoundingMode::PSEUDO) return shift_pseudo_stochastic(x, ratio.s - 15);
      return requantize(x, ratio, kind, u, 8);
    }
  }
}

void CommandValues::tile(const Command& c, const Index& index, const Index& counts) {
  TileAt t{rows_at(c, index, counts),
           cols_at(c, index, counts),
           row0_at(c, index),
           col0_at(c, index),
           divide_up(c.get(Field::COLS), hw_.lanes()),
           c.get(Field::VIN_STRIDE),
           c.get(Field::VIN_BASE),
           hw_.lanes(),
           parity(c, Field::PARITY0, index, counts),
           0,
           0,
           0,
           vin_,
           vout_};
  const bool from_vin = c.flag(Flag::FROM_VIN), masked = c.flag(Flag::MASK_IN);
  t.inputs = (from_vin ? 1 : 0) + (masked ? 1 : 0);
  const bool uniform = c.get(Field::QUANTIZER) == static_cast<std::uint32_t>(QuantizerKind::UNIFORM);
  const bool log = c.get(Field::QUANTIZER) == static_cast<std::uint32_t>(QuantizerKind::LOG);
  std::uint32_t max = 0;
  std::uint64_t code_sat = 0, raw_sat = 0;
  for (std::int64_t i = 0; i < t.rows; ++i) {
    for (std::int64_t j = 0; j < round_up(t.cols, t.lanes); ++j) {
      std::int64_t x = 0;
      const bool real = j < t.cols;
      if (real) {
        x = from_vin ? t.in(0, i, j) : acc_[at(t.parity)][at(i) * at(hw_.cols) + at(j)];
        if (c.flag(Flag::BIAS_OUT)) {
          const std::int64_t y =
              requantize_to(x, from_word(word(c.get(Field::RATIO))), Rounding::kHalfUp, 0, 8, kRawLimit, code_sat);
          vbias_.at(at((t.col0 / t.lanes + i * t.groups + j / t.lanes) * t.lanes + j % t.lanes)) =
              static_cast<std::int32_t>(y);
          continue;
        }
        if (c.flag(Flag::ADD_BIAS)) x += vbias_.at(at(t.col0 + j));
        if (masked && t.in(t.inputs - 1, i, j) == 0) x = 0;
      }
      const std::int64_t before = x;
      if (c.flag(Flag::RELU) && x < 0) x = 0;
      const std::int64_t raw = saturate(x, kRawLimit, raw_sat);
      if (real) max = std::max(max, magnitude(raw));
      std::int64_t k = 0;
      if (c.flag(Flag::RAW_OUT)) t.out(k++, i, j, static_cast<std::int32_t>(raw));
      if (c.flag(Flag::CODES_OUT)) {
        std::int64_t y = real ? code(c, x, t.row0 + i, t.col0 + j, t, static_cast<int>(j)) : 0;
        if (uniform) {
          const std::int64_t q = c.get(Field::QMAX);
          const std::int64_t low = c.get(Field::UNSIGNED) != 0 ? 0 : -q;
          const std::int64_t limited = std::clamp(y, low, q);
          code_sat += limited != y ? 1u : 0u;
          y = limited;
        } else if (log && real && magnitude(raw) > word(c.get(Field::RATIO))) {
          ++code_sat;
        }
        t.out(k++, i, j, static_cast<std::int32_t>(y));
      }
      if (c.flag(Flag::MASK_OUT)) t.out(k++, i, j, real && mask(c, before, x) ? 1 : 0);
    }
  }
  add_statistics(c, index, max, code_sat, raw_sat);
}

void CommandValues::affine(const Command& c, const Index& index, const Index& counts) {
  TileAt t{rows_at(c, index, counts),
           cols_at(c, index, counts),
           0,
           0,
           divide_up(c.get(Field::COLS), hw_.lanes()),
           c.get(Field::VIN_STRIDE),
           c.get(Field::VIN_BASE),
           hw_.lanes(),
           parity(c, Field::PARITY0, index, counts),
           0,
           0,
           0,
           vin_,
           vout_};
  const bool v_in = c.flag(Flag::V_IN), masked = c.flag(Flag::MASK_IN), scalar = c.get(Field::COEF_SCALAR) != 0;
  t.inputs = 1 + (v_in ? 1 : 0) + (masked ? 1 : 0);
  std::uint32_t max = 0;
  std::uint64_t sat = 0;
  for (std::int64_t i = 0; i < t.rows; ++i) {
    for (std::int64_t j = 0; j < round_up(t.cols, t.lanes); ++j) {
      std::int32_t x = 0;
      if (j < t.cols) {
        std::int64_t k = 0;
        const auto coefficient = [&](Flag flag, Field entry) {
          return c.flag(flag) ? static_cast<std::uint32_t>(t.coefficient(k++, j, scalar)) : word(c.get(entry));
        };
        const Real a = Real::from_word(coefficient(Flag::A_VECTOR, Field::RATIO));
        const Real b = v_in ? Real::from_word(coefficient(Flag::B_VECTOR, Field::LIMIT)) : Real{};
        const auto addend = static_cast<std::int32_t>(coefficient(Flag::C_VECTOR, Field::ADDEND));
        const std::int32_t v = !v_in ? 0 : c.flag(Flag::V_ROW) ? t.row_value(1, i) : t.in(1, i, j);
        x = bitloom::affine(t.in(0, i, j), a, v, b, addend, sat);
        if (masked && t.in(t.inputs - 1, i, j) == 0) x = 0;
      }
      const std::int32_t before = x;
      if (c.flag(Flag::RELU) && x < 0) x = 0;
      max = std::max(max, magnitude(x));
      std::int64_t k = 0;
      if (c.flag(Flag::RAW_OUT)) t.out(k++, i, j, x);
      if (c.flag(Flag::MASK_OUT)) t.out(k++, i, j, before > 0 ? 1 : 0);
    }
  }
  add_statistics(c, index, max, 0, sat);
}

void CommandValues::reduce(const Command& c, const Index& index, const Index& counts) {
  TileAt t{rows_at(c, index, counts),
           cols_at(c, index, counts),
           0,
           0,
           divide_up(c.get(Field::COLS), hw_.lanes()),
           c.get(Field::VIN_STRIDE),
           c.get(Field::VIN_BASE),
           hw_.lanes(),
           parity(c, Field::PARITY0, index, counts),
           0,
           0,
           0,
           vin_,
           vout_};
  const auto kind = static_cast<ReduceKind>(c.get(Field::REDUCE_KIND));
  const bool all = c.get(Field::AXIS_ALL) != 0;
  const int su = static_cast<int>(word(c.get(Field::RATIO))), sv = static_cast<int>(word(c.get(Field::LIMIT)));
  if (index[1] == 0 && index[2] == 0) {
    sums_.assign(at(t.cols) * 2, 0);
    if (kind == ReduceKind::RANGE) {
      for (std::size_t j = 0; j < sums_.size(); j += 2) {
        sums_[j] = INT32_MAX;
        sums_[j + 1] = INT32_MIN;
      }
    }
  }
  for (std::int64_t i = 0; i < t.rows; ++i) {
    for (std::int64_t j = 0; j < t.cols; ++j) {
      std::int64_t& first = sums_[at(all ? 0 : 2 * j)];
      std::int64_t& second = sums_[at(all ? 1 : 2 * j + 1)];
      const std::int32_t u = t.in(0, i, j);
      if (kind == ReduceKind::RANGE) {
        first = std::min<std::int64_t>(first, u);
        second = std::max<std::int64_t>(second, u);
        continue;
      }
      const std::int64_t value = shifted(u, su);
      first += kind == ReduceKind::ABSOLUTE && value < 0 ? -value : value;
      second += kind == ReduceKind::CROSS ? value * shifted(t.in(1, i, j), sv) : value * value;
    }
  }
  if (index[1] + 1 != counts[1] || index[2] + 1 != counts[2]) return;
  const std::int64_t buffer = iteration_number(index, counts, 2) & 1;
  for (std::int64_t j = 0; j < (all ? 1 : t.cols); ++j) {
    const std::int64_t first = sums_[at(2 * j)], second = sums_[at(2 * j + 1)];
    std::array<std::int64_t, 4> rows{first, first >> 32, second, second >> 32};
    if (kind == ReduceKind::RANGE) {
      rows = {first, second, std::max(magnitude(first), magnitude(second)), 0};
    }
    for (std::int64_t k = 0; k < (kind == ReduceKind::RANGE ? 3 : 4); ++k) {
      const std::int64_t w = buffer * t.stride + (all ? k : k * t.groups + j / t.lanes);
      vout_.at(at(w * t.lanes + (all ? 0 : j % t.lanes))) = static_cast<std::int32_t>(rows[at(k)]);
    }
  }
}

void CommandValues::pool(const Command& c, const Index& index, const Index& counts) {
  TileAt t{rows_at(c, index, counts),
           cols_at(c, index, counts),
           0,
           0,
           divide_up(c.get(Field::COLS), hw_.lanes()),
           c.get(Field::VIN_STRIDE),
           c.get(Field::VIN_BASE),
           hw_.lanes(),
           parity(c, Field::PARITY0, index, counts),
           0,
           0,
           0,
           vin_,
           vout_};
  const auto op = static_cast<PoolOp>(c.get(Field::POOL_OP));
  const std::int64_t tap =
      c.get_signed(Field::CODE0) + index[1] * c.get_signed(Field::CODE1) + index[2] * c.get_signed(Field::CODE2);
  if (index[1] == 0 && index[2] == 0) pool_.assign(at(t.rows * t.cols), {0, INT32_MIN, 0});
  const bool last = index[1] + 1 == counts[1] && index[2] + 1 == counts[2];
  const std::int64_t in_parity = t.parity;
  std::uint32_t max = 0;
  std::uint64_t sat = 0;
  for (std::int64_t i = 0; i < t.rows; ++i) {
    for (std::int64_t j = 0; j < t.cols; ++j) {
      PoolCell& cell = pool_[at(i * t.cols + j)];
      t.parity = in_parity;
      const std::int32_t value = t.in(0, i, j);
      if (op == PoolOp::MAX) {
        if (value > cell.best) {
          cell.best = value;
          cell.winner = static_cast<std::int32_t>(tap);
        }
      } else if (op == PoolOp::SUM || t.in(1, i, j) == tap) {
        cell.sum += value;
      }
      if (!last) continue;
      std::int64_t x = op == PoolOp::MAX ? cell.best : cell.sum;
      const std::int64_t mask_section = op == PoolOp::MAX_BACKWARD ? 2 : 1;
      if (c.flag(Flag::MASK_IN) && t.in(mask_section, i, j) == 0) x = 0;
      const std::int64_t before = x;
      if (c.flag(Flag::RELU) && x < 0) x = 0;
      x = saturate(x, kRawLimit, sat);
      max = std::max(max, magnitude(x));
      t.parity = iteration_number(index, counts, 2) & 1;
      std::int64_t k = 0;
      t.out(k++, i, j, static_cast<std::int32_t>(x));
      if (op == PoolOp::MAX) t.out(k++, i, j, cell.winner);
      if (c.flag(Flag::MASK_OUT)) t.out(k++, i, j, mask(c, before, x) ? 1 : 0);
    }
  }
  if (index == Index{} || last) add_statistics(c, index, max, 0, sat);
}

void CommandValues::update(const Command& c, const Index& index, const Index& counts) {
  TileAt t{rows_at(c, index, counts),
           cols_at(c, index, counts),
           row0_at(c, index),
           col0_at(c, index),
           divide_up(c.get(Field::COLS), hw_.lanes()),
           c.get(Field::VIN_STRIDE),
           c.get(Field::VIN_BASE),
           hw_.lanes(),
           parity(c, Field::PARITY0, index, counts),
           0,
           0,
           0,
           vin_,
           vout_};
  if (c.flag(Flag::LWQ)) return lwq(c, index, t);
  const Scale ratio_g = from_word(word(c.get(Field::RATIO))), ratio_w = from_word(word(c.get(Field::RATIO_W)));
  const std::int64_t limit = c.flag(Flag::MASTER32) ? kBiasLimit : kMasterLimit;
  std::uint32_t max = 0;
  std::uint64_t w_sat = 0, v_sat = 0;
  for (std::int64_t i = 0; i < t.rows; ++i) {
    for (std::int64_t j = 0; j < t.cols; ++j) {
      const bool half_up = c.flag(Flag::HALF_UP);
      const std::uint32_t uv = half_up ? 32767 : random(c, RandomUse::kMomentum, t.row0 + i, t.col0 + j, 16);
      const std::uint32_t uw = half_up ? 32767 : random(c, RandomUse::kMaster, t.row0 + i, t.col0 + j, 16);
      const std::int32_t v = update_momentum(t.in(2, i, j), t.in(0, i, j), c.get(Field::MU16), ratio_g, uv, v_sat);
      const std::int32_t w = update_master(t.in(1, i, j), v, ratio_w, limit, uw, w_sat);
      max = std::max(max, magnitude(w));
      t.out(0, i, j, w);
      t.out(1, i, j, v);
    }
  }
  add_statistics(c, index, max, w_sat, v_sat);
}

void CommandValues::lwq(const Command& c, const Index& index, TileAt& t) {
  const Real by_gradient = Real::from_word(word(c.get(Field::RATIO)));
  const Real by_momentum = Real::from_word(word(c.get(Field::RATIO_W)));
  const Real decay = Real::from_word(word(c.get(Field::LIMIT)));
  const int read = static_cast<int>(word(c.get(Field::ADDEND)));
  const int write = static_cast<int>(word(c.get(Field::ADDEND) + 1));
  const int limit = static_cast<int>(c.get(Field::QMAX));
  const bool half_up = c.flag(Flag::HALF_UP);
  const Rounding rounding = half_up ? Rounding::kHalfUp : Rounding::kStochastic;
  std::uint64_t moved = 0, q_sat = 0, v_sat = 0, vmax = 0;
  for (std::int64_t i = 0; i < t.rows; ++i) {
    for (std::int64_t j = 0; j < t.cols; ++j) {
      const std::uint32_t uv = half_up ? 32767 : random(c, RandomUse::kMomentum, t.row0 + i, t.col0 + j, 16);
      const std::uint32_t uw = half_up ? 32767 : random(c, RandomUse::kMaster, t.row0 + i, t.col0 + j, 16);
      const std::int64_t v = lwq_momentum(static_cast<std::int8_t>(t.in(3, i, j)), decay, t.in(0, i, j), by_gradient);
      vmax = std::max(vmax, lwq_momentum_magnitude(v));
      const std::int8_t code = lwq_momentum_code(v, uv, v_sat);
      const std::int64_t delta = lwq_delta(code, by_momentum, q_sat);
      moved += static_cast<std::uint64_t>(delta < 0 ? -delta : delta);
      const LatentCode from{static_cast<std::int8_t>(t.in(1, i, j)), static_cast<std::int8_t>(t.in(2, i, j))};
      const LatentCode to =
          polyline_encode(std::int64_t{polyline_decode(from, read)} - delta, write, uw, rounding, limit, q_sat);
      t.out(0, i, j, to.q);
      t.out(1, i, j, to.s);
      t.out(2, i, j, code);
    }
  }
  add_statistics(c, index, static_cast<std::uint32_t>(vmax), q_sat, v_sat);
  const std::uint32_t stat = c.get(Field::STAT);
  if (index == Index{}) table_.at(stat + 3) = table_.at(stat + 4) = 0;
  const std::uint64_t sum = (std::uint64_t{table_[stat + 3]} | std::uint64_t{table_[stat + 4]} << 32) + moved;
  table_[stat + 3] = static_cast<std::uint32_t>(sum);
  table_[stat + 4] = static_cast<std::uint32_t>(sum >> 32);
}

void CommandValues::loss(const Command& c, const Index& index, const Index& counts) {
  TileAt t{rows_at(c, index, counts),
           cols_at(c, index, counts),
           0,
           0,
           divide_up(c.get(Field::COLS), hw_.lanes()),
           c.get(Field::VIN_STRIDE),
           c.get(Field::VIN_BASE),
           hw_.lanes(),
           parity(c, Field::PARITY0, index, counts),
           0,
           0,
           0,
           vin_,
           vout_};
  const Scale scale = from_word(word(c.get(Field::RATIO)));
  const std::uint32_t stat = c.get(Field::STAT);
  if (index == Index{}) table_.at(stat) = table_.at(stat + 1) = 0;
  for (std::int64_t i = 0; i < t.rows; ++i) {
    std::int64_t top = 0;
    for (std::int64_t j = 1; j < t.cols; ++j) top = t.in(0, i, j) > t.in(0, i, top) ? j : top;
    const std::int64_t label = vin_.at(at((t.base + (2 + t.parity) * t.stride) * t.lanes + i));
    std::uint64_t sum = 0;
    std::uint32_t of_label = 0;
    std::vector<std::uint32_t> e;
    for (std::int64_t j = 0; j < t.cols; ++j) {
      const std::uint32_t distance = exponent_of_distance(std::int64_t{t.in(0, i, top)} - t.in(0, i, j), scale);
      if (j == label) of_label = distance;
      e.push_back(exp2neg(distance));
      sum += e.back();
    }
    const std::uint32_t reciprocal = recip(static_cast<std::uint32_t>(sum));
    for (std::int64_t j = 0; j < t.cols; ++j) {
      t.out(0, i, j, static_cast<std::int32_t>(probability(e[at(j)], reciprocal)) - (j == label ? 65536 : 0));
    }
    table_[stat] = add_loss(table_[stat], log2fix(static_cast<std::uint32_t>(sum)) - 16 * 65536 + of_label);
    table_[stat + 1] += top == label ? 1 : 0;
  }
}

void CommandValues::table_move(const Command& c, const Index& index, const Index& counts) {
  TileAt t{rows_at(c, index, counts),
           cols_at(c, index, counts),
           0,
           col0_at(c, index),
           divide_up(c.get(Field::COLS), hw_.lanes()),
           c.get(Field::VIN_STRIDE),
           c.get(Field::VIN_BASE),
           hw_.lanes(),
           parity(c, Field::PARITY0, index, counts),
           0,
           0,
           0,
           vin_,
           vout_};
  for (std::int64_t i = 0; i < t.rows; ++i) {
    for (std::int64_t j = 0; j < t.cols; ++j) {
      std::uint32_t& entry = table_.at(at(c.get(Field::DST) + i * c.get(Field::TABLE_PITCH) + t.col0 + j));
      if (c.opcode() == Opcode::TABLE_LOAD) {
        entry = static_cast<std::uint32_t>(t.in(0, i, j));
      } else {
        t.out(0, i, j, static_cast<std::int32_t>(entry));
      }
    }
  }
}

void CommandValues::scalar(const Command& c) {
  const auto op = static_cast<ScalarOp>(c.get(Field::SCALAR_OP));
  const auto dst = c.get(Field::DST);
  const int count = static_cast<int>(c.get(Field::COLS));
  const std::uint64_t before = scale_saturations_;
  if (op == ScalarOp::RSUM || op == ScalarOp::RMAXABS) {
    std::vector<Real> values;
    for (int i = 0; i < count; ++i) values.push_back(Real::from_word(word(c.get(Field::SRC_A) + i)));
    table_.at(dst) = (op == ScalarOp::RSUM ? rsum(values) : rmaxabs(values)).word();
  } else if (op == ScalarOp::SELECT_TOP) {
    std::vector<std::uint32_t> scores;
    for (int i = 0; i < count; ++i) scores.push_back(word(c.get(Field::SRC_A) + i));
    for (int i = 0; i < count; ++i) {
      int above = 0;
      for (int k = 0; k < count; ++k)
        above += scores[at(k)] > scores[at(i)] || (scores[at(k)] == scores[at(i)] && k < i);
      table_.at(dst + at(i)) = above < static_cast<int>(c.get(Field::IMMEDIATE)) ? bitloom::word(kOne) : 0;
    }
  } else {
    for (int i = 0; i < count; ++i) {
      const std::uint32_t result = scalar_element(c, i);
      table_.at(dst + at(i)) = result;
    }
  }
  if (dst != 1) table_[1] += static_cast<std::uint32_t>(scale_saturations_ - before);
}

std::uint32_t CommandValues::scalar_element(const Command& c, int i) {
  const auto vector = [&](Field source, Field flag) {
    return std::int64_t{c.get(source)} + (c.get(flag) != 0 ? i : 0);
  };
  const std::int64_t ia = vector(Field::SRC_A, Field::VECTOR_A), ib = vector(Field::SRC_B, Field::VECTOR_B);
  const std::int64_t ic = c.get(Field::SCALAR_OP) == static_cast<std::uint32_t>(ScalarOp::SELECT_RANDOM)
                              ? 0
                              : vector(Field::SRC_C, Field::VECTOR_C);
  const std::uint32_t wa = word(ia), wb = word(ib), wc = word(ic);
  const Real a = Real::from_word(wa), b = Real::from_word(wb);
  const int immediate = c.get_signed(Field::IMMEDIATE);
  const std::int64_t pitch = c.get(Field::TABLE_PITCH);
  const bool keep = c.get(Field::SCALAR_KEEP) != 0;
  std::uint64_t& counted = scale_saturations_;
  switch (static_cast<ScalarOp>(c.get(Field::SCALAR_OP))) {
    case ScalarOp::MUL:
      return bitloom::word(mul(from_word(wa), from_word(wb), counted));
    case ScalarOp::DIV:
      return bitloom::word(div(from_word(wa), from_word(wb), counted));
    case ScalarOp::MAX_TO_SCALE:
      return bitloom::word(max_to_scale(wa, from_word(wb), static_cast<int>(c.get(Field::QMAX)),
                                        keep ? std::optional<Scale>(from_word(wc)) : std::nullopt, counted));
    case ScalarOp::COPY:
      return wa;
    case ScalarOp::RMUL:
      return rmul(a, b).word();
    case ScalarOp::RDIV:
      return rdiv(a, b).word();
    case ScalarOp::RADD:
      return radd(a, b).word();
    case ScalarOp::RSUB:
      return radd(a, rneg(b)).word();
    case ScalarOp::RSQRT:
      return rsqrt(a).word();
    case ScalarOp::RMAX:
      return rmax(a, b).word();
    case ScalarOp::RMIN:
      return rmin(a, b).word();
    case ScalarOp::TO_INT:
      return static_cast<std::uint32_t>(to_int(a, immediate, counted));
    case ScalarOp::FROM_INT:
      return from_int(static_cast<std::int32_t>(wa), immediate).word();
    case ScalarOp::FROM_SUM:
      return from_int(pair(ia, pitch)).word();
    case ScalarOp::CENTERED:
      return centered(word(c.get(Field::SRC_N)), pair(ia, pitch), pair(ib, pitch), pair(ic, pitch)).word();
    case ScalarOp::TO_SCALE:
      return bitloom::word(to_scale(a, counted));
    case ScalarOp::SHIFT_OF:
      return static_cast<std::uint32_t>(statistics_shift(wa));
    case ScalarOp::EXP2:
      return exp2_real(keep ? immediate - static_cast<std::int32_t>(wa) : immediate + static_cast<std::int32_t>(wa))
          .word();
    case ScalarOp::TOP:
      return log_top(wa, keep);
    case ScalarOp::ISUB:
      return wa - wb;
    case ScalarOp::IMAX:
      return static_cast<std::int32_t>(wa) > static_cast<std::int32_t>(wb) ? wa : wb;
    case ScalarOp::RKEEP:
      return wa != 0 ? wb : 0;
    case ScalarOp::MAX_TO_POWER:
      return static_cast<std::uint32_t>(niti_shift(wa, immediate));
    case ScalarOp::SELECT_RANDOM: {
      const std::uint32_t u =
          make_stream(registers_.seed, registers_.step, c.get(Field::SRC_C), static_cast<RandomUse>(immediate))
              .draw(0, static_cast<std::uint32_t>(i), 16);
      return u < wa ? bitloom::word(kOne) : 0;
    }
    case ScalarOp::LEVEL:
      return static_cast<std::uint32_t>(lwq_next_level(
          static_cast<int>(wb), wc, static_cast<std::uint64_t>(pair(ia, pitch)), immediate & 15, immediate >> 4 & 15));
    default:
      throw Error("this scalar operation is not executed here");
  }
}

}  // namespace bitloom
