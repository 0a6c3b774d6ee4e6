#include "kernels/operand_beats.hpp"

#include <algorithm>
#include <cstdlib>

namespace bitloom {

namespace {

/// Returns how many bytes the first tap moves at most in `rows` rows.
std::int64_t advance(const Gather& g, std::int64_t rows) {
  const std::int64_t column = std::int64_t{g.scale_x} * g.pixel_pitch, line = std::int64_t{g.scale_y} * g.line_pitch;
  const std::int64_t next_line = line - g.extent_x * column, next_image = g.image_pitch - g.extent_y * line;
  const std::int64_t lines = rows / g.extent_x, images = lines / g.extent_y;
  // One line and one image more begin where the rows start in the middle of them.
  return rows * column + lines * next_line + images * next_image + std::max<std::int64_t>(next_line, 0) +
         std::max<std::int64_t>(next_image, 0);
}

/// Returns the bytes from the first one of a window to behind its last.
std::int64_t window_bytes(const Gather& g, int bits) {
  return std::abs(std::int64_t{g.tap_y}) * (g.taps_y - 1) * g.line_pitch +
         std::abs(std::int64_t{g.tap_x}) * (g.taps_x - 1) * g.pixel_pitch +
         divide_up(std::int64_t{g.segment} * bits, 8);
}

}  // namespace

double row_beats(const Lowering& low, const View& view, int elements) {
  const int bits = low.tensor(view.tensor).bits;
  const auto beats = [&](int run) { return static_cast<double>(divide_up(run * bits, 8 * low.hardware().axi_bytes)); };
  if (!view.gather) return beats(elements);
  const Gather& g = *view.gather;
  if (elements < g.taps_y * g.taps_x * g.segment) {  // some taps
    return static_cast<double>(divide_up(elements, g.segment)) * beats(std::min(elements, g.segment));
  }
  const bool follows = g.tap_x == 1 && g.segment_base == 0 && std::int64_t{g.segment} * bits == 8 * g.pixel_pitch;
  if (follows) return g.taps_y * beats(g.taps_x * g.segment);
  return g.taps_y * g.taps_x * beats(g.segment);
}

std::optional<double> line_beats(const Lowering& low, const GemmPass& pass) {
  const Hardware& hw = low.hardware();
  const GemmOperand& a = pass.job.a;
  if (!a.view.gather || a.view.gather->tap_loop || hw.line_buffer_bytes == 0) return std::nullopt;
  const Gather& g = *a.view.gather;
  const std::int64_t image = std::int64_t{g.limit_y} * g.line_pitch;
  if (g.pixel_pitch == 0 || g.line_pitch < g.limit_x * g.pixel_pitch || g.image_pitch < image) return std::nullopt;
  const bool whole = a.transpose || pass.terms.count == 1;  // a row after the other, each with all its taps
  const std::int64_t needed =
      window_bytes(g, low.tensor(a.view.tensor).bits) + advance(g, whole ? 0 : std::int64_t{pass.grid.rows.size} - 1);
  if (needed / hw.axi_bytes + 2 > hw.line_buffer_bytes / hw.axi_bytes) return std::nullopt;
  const double beats = static_cast<double>(image) / (std::int64_t{g.extent_x} * g.extent_y) / hw.axi_bytes;
  const double without =
      a.transpose ? row_beats(low, a.view, pass.rows) : pass.terms.count * row_beats(low, a.view, pass.terms.size);
  if (beats >= without) return std::nullopt;
  return beats;
}

}  // namespace bitloom
