#include "sim/load_plan.hpp"

#include <algorithm>

#include "kernels/command.hpp"
#include "model/io/error.hpp"

namespace bitloom {
namespace {

std::int64_t signed16(std::uint32_t field) { return static_cast<std::int16_t>(field); }
std::int64_t signed8(std::uint32_t field) { return static_cast<std::int8_t>(field); }

/// Where row r of a shape is, in its own image coordinates.
struct Place {
  Place(const Instruction& s, std::int64_t r)
      : x(r % s.EXTENT_X), y(r / s.EXTENT_X % s.EXTENT_Y), n(r / (std::int64_t{s.EXTENT_X} * s.EXTENT_Y)) {}
  std::int64_t x, y, n;
};

/// Adds taps that were walked in one cycle to the row's last piece where they go on, else as a new one.
void add_taps(std::vector<LoadPiece>& pieces, bool first_of_row, const LoadPiece& taps) {
  LoadPiece* last = first_of_row ? nullptr : &pieces.back();
  const bool goes_on =
      last != nullptr && last->padding == taps.padding && (taps.padding || last->bit + last->bits == taps.bit);
  if (!goes_on) return pieces.push_back(taps);
  last->bits += taps.bits;
  ++last->walk;
}

/// Do taps of a kernel's line follow each other in memory?
bool line_follows(const Instruction& c, const Instruction& s) {
  return c.TAP_LOOP == 0 && signed8(s.TAP_X) == 1 && s.SEGMENT_BASE == 0 &&
         s.SEGMENT * width_bits(c.MEMORY_BITS) == 8 * std::uint32_t{s.PIXEL_PITCH};
}

/// Taps from source column sx on that are alike, all inside the image or all outside, up to the end of the line.
std::uint32_t alike(const Instruction& s, bool line_inside, std::int64_t sx, std::uint32_t left) {
  if (!line_inside || sx >= s.LIMIT_X) return left;
  return static_cast<std::uint32_t>(std::min<std::int64_t>(left, sx < 0 ? -sx : s.LIMIT_X - sx));
}

void add_shaped_row(const Execution& e, const Instruction& s, std::uint32_t row, std::vector<LoadPiece>& pieces) {
  const Instruction& c = *e.command;
  const std::uint32_t bits = width_bits(c.MEMORY_BITS);
  const Place at(s, std::int64_t{e.row0} + row);
  const bool one_tap = c.TAP_LOOP != 0, follows = line_follows(c, s);
  const std::uint32_t end = e.col0 + e.cols;
  bool first = true;
  std::uint32_t element = 0;  // of the stream
  for (std::uint32_t ty = one_tap ? e.index[1] : 0; ty < (one_tap ? e.index[1] + 1 : s.TAPS_Y); ++ty) {
    const std::int64_t sy = at.y * s.SCALE_Y + ty * signed8(s.TAP_Y) + signed16(s.OFFSET_Y);
    const bool line_inside = sy >= 0 && sy < s.LIMIT_Y;
    const std::uint32_t tx_end = one_tap ? e.index[2] + 1 : s.TAPS_X;
    std::uint32_t walked = 1;
    for (std::uint32_t tx = one_tap ? e.index[2] : 0; tx < tx_end; tx += walked, element += walked * s.SEGMENT) {
      walked = 1;
      if (element + s.SEGMENT <= e.col0 || element >= end) continue;
      const std::int64_t sx = at.x * s.SCALE_X + tx * signed8(s.TAP_X) + signed16(s.OFFSET_X);
      const std::uint32_t run = follows ? alike(s, line_inside, sx, tx_end - tx) : 1;
      if (element + run * s.SEGMENT <= end) walked = run;
      const std::uint32_t from = std::max(e.col0, element), to = std::min(end, element + walked * s.SEGMENT);
      const bool inside = line_inside && sx >= 0 && sx < s.LIMIT_X;
      LoadPiece taps{0, (to - from) * bits, 1, !inside, false};
      if (inside) {
        const std::int64_t pixel =
            static_cast<std::int64_t>(e.address) + at.n * s.IMAGE_PITCH + sy * s.LINE_PITCH + sx * s.PIXEL_PITCH;
        taps.bit = static_cast<std::uint64_t>(pixel) * 8 + std::uint64_t{s.SEGMENT_BASE + from - element} * bits;
      }
      add_taps(pieces, first, taps);
      first = false;
    }
  }
}

/// First and last source line of the rows [row0, row0 + rows) by all their taps, padding included, from the image's
/// line 0 on; rows of more than one image have no such span.
struct LineSpan {
  std::int64_t first, last;
};

LineSpan line_span(const Execution& e, const Instruction& s, const Place& at) {
  const std::int64_t last_y = at.y + (at.x + e.rows - 1) / s.EXTENT_X;
  const bool one_tap = e.command->TAP_LOOP != 0;
  const std::int64_t from = (one_tap ? e.index[1] : 0) * signed8(s.TAP_Y);
  const std::int64_t to = (one_tap ? e.index[1] : s.TAPS_Y - std::int64_t{1}) * signed8(s.TAP_Y);
  return {at.y * s.SCALE_Y + std::min(from, to) + signed16(s.OFFSET_Y),
          last_y * s.SCALE_Y + std::max(from, to) + signed16(s.OFFSET_Y)};
}

constexpr std::int64_t kPage = 4096;  // no burst crosses the end of one (docs/timing.md)

/// Returns where `bit` lies in its page, or in its word (then above all places in a page) where no page ends between
/// the bytes `first` and `last`.
std::uint32_t place_of(std::int64_t bit, std::int64_t first, std::int64_t last, std::uint32_t word) {
  const std::int64_t page_bits = 8 * kPage;
  if (first / kPage != last / kPage) return static_cast<std::uint32_t>(bit % page_bits);
  return static_cast<std::uint32_t>(page_bits + bit % (8 * std::int64_t{word}));
}

/// Returns the byte at which the line of a place begins by the first tap without an offset.
std::int64_t line_byte(const Execution& e, const Instruction& s, const Place& at) {
  return static_cast<std::int64_t>(e.address) + at.n * s.IMAGE_PITCH + at.y * s.SCALE_Y * s.LINE_PITCH;
}

constexpr std::uint32_t kLowEnough = 0x80000000;  ///< the window begins before all that the LOAD reads
constexpr std::uint32_t kNoLines = 0x80000001;    ///< nothing in the window is of use
constexpr std::uint32_t kUnused = 0x80000002;     ///< the LOAD does without

/// Returns what of the window decides what a LOAD asks for that reads within the beats [first, last].
std::array<std::uint32_t, 2> window_key(const LineWindow& lines, std::int64_t base, std::int64_t first,
                                        std::int64_t last) {
  const auto from = static_cast<std::int64_t>(lines.first()), end = static_cast<std::int64_t>(lines.end());
  if (lines.empty() || end + static_cast<std::int64_t>(lines.beats()) <= first || from > last) return {0, kNoLines};
  return {static_cast<std::uint32_t>(end - base), from <= first ? kLowEnough : static_cast<std::uint32_t>(from - base)};
}

LoadSignature shaped_signature(const Execution& e, const Instruction& s, std::uint32_t word, const LineWindow& lines) {
  const Place at(s, e.row0), end(s, std::int64_t{e.row0} + e.rows - 1);
  const std::int64_t image = static_cast<std::int64_t>(e.address) + at.n * s.IMAGE_PITCH;
  const LineSpan span = line_span(e, s, at);
  const bool inside = at.n == end.n && span.first >= 0 && span.last < s.LIMIT_Y;
  // Images may lie between each other's lines: those of a weight's input channels do.
  const std::int64_t reach = std::max<std::int64_t>(s.IMAGE_PITCH, std::int64_t{s.LIMIT_Y} * s.LINE_PITCH);
  std::int64_t first = image, last = static_cast<std::int64_t>(e.address) + end.n * s.IMAGE_PITCH + reach;
  if (inside) first = image + span.first * s.LINE_PITCH, last = image + (span.last + 1) * s.LINE_PITCH - 1;
  const std::int64_t bit = 8 * line_byte(e, s, at);
  const auto line = static_cast<std::uint32_t>(inside ? -1 : at.y);
  const std::uint32_t tap = e.command->TAP_LOOP != 0 ? e.index[1] << 16 | e.index[2] : 0;
  std::array<std::uint32_t, 2> window{0, kUnused};
  std::uint32_t place = place_of(bit, first, last, word);
  if (e.command->LINES != 0) {
    window = window_key(lines, bit / 8 / word, first / word, last / word);
    place = static_cast<std::uint32_t>(bit % (8 * kPage));
  }
  return {e.command->like, s.like,    e.rows,   e.cols, e.col0, tap, static_cast<std::uint32_t>(at.x), line,
          place,           window[0], window[1]};
}

}  // namespace

std::uint32_t width_bits(std::uint32_t width) { return static_cast<std::uint32_t>(bits_of(static_cast<Width>(width))); }

LoadPlan load_plan(const Hardware& hardware, const Execution& e, const Instruction* shape, std::uint64_t start) {
  const Instruction& c = *e.command;
  LoadPlan plan;
  plan.start = start;
  const std::uint32_t memory_bits = width_bits(c.MEMORY_BITS);
  plan.lines = c.LINES != 0;
  const bool vin = c.TARGET == static_cast<std::uint32_t>(LoadTarget::VIN);
  plan.local = 8 * static_cast<std::uint32_t>(vin ? hardware.vector_word() : hardware.axi_bytes);
  plan.growth = width_bits(c.LOCAL_BITS) / memory_bits;
  if (plan.growth == 0) throw Error("LOAD: LOCAL_BITS is below MEMORY_BITS");
  for (std::uint32_t row = 0; row < e.rows; ++row) {
    if (shape != nullptr) {
      add_shaped_row(e, *shape, row, plan.pieces);
    } else {
      const std::uint64_t byte = e.address + std::uint64_t{row} * c.PITCH;
      plan.pieces.push_back({byte * 8 + std::uint64_t{e.col0} * memory_bits, e.cols * memory_bits, 1, false, false});
    }
    plan.pieces.back().ends_row = true;
  }
  return plan;
}

LoadSignature load_signature(const Execution& e, const Instruction* shape, std::uint32_t word,
                             const LineWindow& lines) {
  if (shape != nullptr) return shaped_signature(e, *shape, word, lines);
  const Instruction& c = *e.command;
  const std::int64_t bit = 8 * static_cast<std::int64_t>(e.address) + std::int64_t{e.col0} * width_bits(c.MEMORY_BITS);
  const std::int64_t bits = std::int64_t{e.cols} * width_bits(c.MEMORY_BITS);
  const std::int64_t last = (bit + 8 * std::int64_t{c.PITCH} * (e.rows - 1) + bits - 1) / 8;
  return {c.like, 0, e.rows, e.cols, 0, 0, 0, 0, place_of(bit, bit / 8, last, word), 0, kUnused};
}

std::int64_t base_beat(const Execution& e, const Instruction& shape, std::uint32_t word) {
  return line_byte(e, shape, Place(shape, e.row0)) / word;
}

LoadBeats find_beats(LoadPlan& plan, std::uint32_t word, LineWindow& lines) {
  const std::uint64_t beat = std::uint64_t{8} * word;
  LoadBeats beats;
  for (LoadPiece& piece : plan.pieces) {
    if (piece.padding) continue;
    const std::uint64_t first = piece.bit / beat, last = (piece.bit + piece.bits - 1) / beat;
    piece.lines = plan.lines && lines.serves(first, last);
    piece.asked = static_cast<std::uint32_t>(piece.lines ? lines.take(first, last) : last - first + 1);
    beats.asked += piece.asked;
    if (!piece.lines) continue;
    beats.lines_written += piece.asked;
    beats.lines_read += last - first + 1;
  }
  return beats;
}

std::uint64_t store_row(const Execution& e, const Instruction* shape, std::uint32_t row) {
  const Instruction& c = *e.command;
  const std::uint64_t offset = std::uint64_t{e.col0} * width_bits(c.MEMORY_BITS) / 8;
  if (shape == nullptr) return e.address + std::uint64_t{row} * c.PITCH + offset;
  const Instruction& s = *shape;
  const Place at(s, std::int64_t{e.row0} + row);
  const std::int64_t sy = at.y * s.SCALE_Y + signed16(s.OFFSET_Y), sx = at.x * s.SCALE_X + signed16(s.OFFSET_X);
  return static_cast<std::uint64_t>(static_cast<std::int64_t>(e.address) + at.n * s.IMAGE_PITCH + sy * s.LINE_PITCH +
                                    sx * s.PIXEL_PITCH) +
         offset;
}

}  // namespace bitloom
