#include "testbench/rtl/timing_model.hpp"

namespace bitloom {

namespace {

struct Tap {
  std::int64_t bit;
  int bits;
  bool padding;
  bool walked_along;  ///< in the cycle of the tap before it
};

/// Do the taps of a kernel's line lie in memory one after the other?
bool line_follows(const TransferCase& t) {
  const ShapeCase& s = *t.shape;
  return !t.tap_loop && s.tap_x == 1 && s.segment_base == 0 && s.segment * t.bits == 8 * s.pixel_pitch;
}

std::vector<Tap> taps_of_row(const TransferCase& t, const Iteration& at, int row) {
  if (!t.shape) {
    const std::int64_t byte = static_cast<std::int64_t>(at.address) + std::int64_t{row} * t.pitch;
    return {{8 * byte + std::int64_t{at.col0} * t.bits, at.cols * t.bits, false, false}};
  }
  const ShapeCase& s = *t.shape;
  const int r = at.row0 + row, end = at.col0 + at.cols;
  const int x = r % s.extent_x, y = r / s.extent_x % s.extent_y, n = r / (s.extent_x * s.extent_y);
  std::vector<Tap> taps;
  int element = 0;  // of the stream
  for (int ty = 0; ty < s.taps_y; ++ty) {
    const int sy = y * s.scale_y + ty * s.tap_y + s.offset_y;
    const auto column = [&](int tx) { return x * s.scale_x + tx * s.tap_x + s.offset_x; };
    const auto in_image = [&](int tx) {
      return sy >= 0 && sy < s.limit_y && column(tx) >= 0 && column(tx) < s.limit_x;
    };
    bool first_of_line = true;
    for (int tx = 0; tx < s.taps_x; ++tx) {
      if (t.tap_loop && (ty != at.index[1] || tx != at.index[2])) continue;
      const int from = std::max(at.col0, element), to = std::min(end, element + s.segment);
      if (from < to) {
        const std::int64_t pixel = static_cast<std::int64_t>(at.address) + std::int64_t{n} * s.image_pitch +
                                   std::int64_t{sy} * s.line_pitch + std::int64_t{column(tx)} * s.pixel_pitch;
        const std::int64_t bit = 8 * pixel + std::int64_t{s.segment_base + from - element} * t.bits;
        int alike = tx;  // the last tap of the line up to which all are inside, or all outside
        while (alike + 1 < s.taps_x && in_image(alike + 1) == in_image(tx)) ++alike;
        const bool same = !first_of_line && in_image(tx - 1) == in_image(tx);
        const bool taken_whole = element + (alike - tx + 1) * s.segment <= end;
        taps.push_back({bit, (to - from) * t.bits, !in_image(tx), line_follows(t) && same && taken_whole});
        first_of_line = false;
      }
      element += s.segment;
    }
  }
  return taps;
}

}  // namespace

std::vector<Piece> pieces(const TransferCase& t, const Iteration& at) {
  std::vector<Piece> all;
  for (int row = 0; row < at.rows; ++row) {
    bool first = true;
    for (const Tap& tap : taps_of_row(t, at, row)) {
      if (!first && tap.padding == all.back().padding && (tap.padding || all.back().bit + all.back().bits == tap.bit)) {
        all.back().bits += tap.bits;
        all.back().walk += tap.walked_along ? 0 : 1;
      } else {
        all.push_back({tap.bit, tap.bits, 1, tap.padding, false});
      }
      first = false;
    }
    all.back().ends_row = true;
  }
  return all;
}

std::optional<int> Lines::take(std::int64_t first, std::int64_t last) {
  const auto size = static_cast<std::int64_t>(beats_);
  if (last - first + 1 > size) return std::nullopt;
  const bool reaches = !held_.empty() && first >= held_.front() && last <= held_.back() + size;
  if (!reaches) held_.clear();
  int asked = 0;
  for (std::int64_t beat = held_.empty() ? first : held_.back() + 1; beat <= last; ++beat, ++asked) {
    held_.push_back(beat);
    if (held_.size() > beats_) held_.pop_front();
  }
  return asked;
}

void LoadSteps::move(Edge from) {
  if (!moved_.empty()) from = std::max(from, moved_.back() + 1);
  moved_.push_back(std::max(from, edges_[consumed_.size()]));
  consumed_.push_back(moved_.back());
}

void LoadSteps::consume() {
  const auto& [piece, growth, word_bits, taken] = pieces_[left_.size()];
  const int k = std::min(beat_bits_, word_bits / growth);
  const int base = piece.padding ? 0 : static_cast<int>(piece.bit % beat_bits_);
  const int at = base + done_;
  const int bits = std::min(piece.bits - done_, k - at % k);
  Edge cycle = std::max(cycle_, taken + 1);
  if (piece.lines) {
    if (static_cast<int>(moved_.size()) < piece.asked) return move(cycle);  // these first, as steps wait for them
    const int beats = (base + piece.bits - 1) / beat_bits_ + 1;
    const int number = at / beat_bits_ - (beats - piece.asked);  // among those that moved
    if (number >= 0) cycle = std::max(cycle, moved_[static_cast<std::size_t>(number)]);
  } else if (!piece.padding) {
    cycle = std::max(cycle, edges_[consumed_.size()]);
  }
  done_ += bits;
  const bool ends = done_ == piece.bits;
  if (!piece.lines && !piece.padding && (ends || (at + bits) % beat_bits_ == 0)) consumed_.push_back(cycle);
  cycle_ = cycle + 1;
  fill_ += bits * growth;
  const bool overflows = fill_ > word_bits;
  fill_ %= word_bits;
  if (!ends) return;
  left_.push_back(cycle);
  moved_.clear();
  done_ = 0;
  if (piece.ends_row) {
    if (overflows) ++cycle_;
    fill_ = 0;
  }
}

Loads::Times Loads::from(Edge start, Edge opens, const TransferCase& t, const Iteration& at, int local_bits) {
  const std::size_t fifo_pieces = 128, fifo_beats = static_cast<std::size_t>(std::max(64, 2 * hw_.max_burst));
  Edge addressed = start + 2, granted = 0, asks = 0;  // asks: the cycle in which it has asked for all so far
  if (pieces_ > 0) steps_.left(pieces_ - 1);
  steps_.not_before(opens + 1);
  const int word_bits = 8 * hw_.axi_bytes;
  for (Piece piece : pieces(t, at)) {
    const std::int64_t first = piece.bit / word_bits, last = (piece.bit + piece.bits - 1) / word_bits;
    if (!piece.padding) {
      const std::optional<int> asked = t.lines ? lines_.take(first, last) : std::nullopt;
      piece.lines = asked.has_value();
      piece.asked = asked.value_or(static_cast<int>(last - first + 1));
    }
    addressed += static_cast<Edge>(piece.walk) - 1;  // its last tap
    Edge taken = std::max(addressed + 1, granted);
    if (pieces_ >= fifo_pieces) taken = std::max(taken, steps_.left(pieces_ - fifo_pieces) + 1);
    steps_.piece(piece, t.bits, local_bits, taken);
    asks = taken;
    if (piece.asked > 0) {
      std::int64_t beat = last + 1 - piece.asked;
      int left = piece.asked;
      Edge asked = taken + 1;
      while (left > 0) {
        const auto to_boundary = static_cast<int>((4096 - beat * hw_.axi_bytes % 4096) / hw_.axi_bytes);
        const int length = std::min({left, hw_.max_burst, to_boundary});
        beats_ += static_cast<std::size_t>(length);
        if (beats_ > fifo_beats) asked = std::max(asked, steps_.consumed(beats_ - fifo_beats - 1) + 1);
        steps_.beats(reads_.burst(asked, length));
        asks = granted = reads_.grant;
        asked = granted + 1;
        beat += length;
        left -= length;
      }
    }
    addressed = taken;  // the next piece's first tap
    ++pieces_;
  }
  steps_.left(pieces_ - 1);
  ends_.push_back(steps_.end());
  return {opens + 1, std::max(asks, opens) + 1, steps_.end()};
}

Loads::Times Loads::looked_at(Edge looked, Edge early, Edge late, const TransferCase& transfer, const Iteration& at,
                              int local_bits) {
  const std::size_t ahead = 4;
  Edge starts = std::max(looked, early);
  if (ends_.size() >= ahead) starts = std::max(starts, ends_[ends_.size() - ahead]);
  return from(starts + 1, std::max(starts, late), transfer, at, local_bits);
}

/// Completes a beat in this cycle, or when the one before it is accepted at the cycle's end.
void Stores::complete() {
  if (accepted_ > cycle_ + 1) cycle_ = accepted_ - 1;
  accepted_ = timing_.write_beat(cycle_ + 2);
  ++beats_;
}

void Stores::row(std::int64_t byte, int cols, int bits, Edge read) {
  const int beat_bits = 8 * hw_.axi_bytes, most = std::min(hw_.lanes, beat_bits / bits);
  auto fill = static_cast<int>(byte % hw_.axi_bytes) * 8;
  for (int word = 0; word < cols; word += hw_.lanes) {
    read_ = std::max(read, appended_);
    cycle_ = std::max(cycle_, read_ + 1);
    const int end = std::min(word + hw_.lanes, cols);
    for (int from = word; from < end; from += most) {
      fill += (std::min(from + most, end) - from) * bits;
      const bool ends_row = from + most >= cols;
      if (fill >= beat_bits || ends_row) complete();
      appended_ = cycle_++;
      if (ends_row && fill > beat_bits) {
        complete();
        ++cycle_;
      }
      fill %= beat_bits;
    }
  }
}

Stores::Times Stores::from(Edge start, const TransferCase& t, const Iteration& at) {
  for (int r = 0; r < at.rows; ++r) row(store_bit(t, at, r) / 8, at.cols, t.bits, start + 3);
  ends_.push_back(timing_.write_response(accepted_));
  return {start, read_ + 1, ends_.back()};
}

Stores::Times Stores::looked_at(Edge looked, Edge tokens, const TransferCase& transfer, const Iteration& at) {
  const std::size_t ahead = 4;
  Edge starts = std::max(looked, tokens);
  if (ends_.size() >= ahead) starts = std::max(starts, ends_[ends_.size() - ahead]);
  return from(starts + 1, transfer, at);
}

}  // namespace bitloom
