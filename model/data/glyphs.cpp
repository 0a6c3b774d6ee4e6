#include "model/data/glyphs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <random>
#include <span>
#include <utility>
#include <vector>

#include "model/data/order.hpp"
#include "model/io/error.hpp"
#include "model/io/interrupt.hpp"

namespace bitloom {

namespace {

constexpr int kClasses = 10;
constexpr int kSide = 28;

struct Point {
  double x;
  double y;
};
struct Segment {
  Point from;
  Point to;
};

// A glyph is a set of strokes in the unit square, y downwards; arcs are given by centre, radii and angles in turns.
struct Arc {
  Point centre;
  double radius_x;
  double radius_y;
  double from;
  double to;
};
struct Glyph {
  std::vector<Segment> lines;
  std::vector<Arc> arcs;
};

// Pairs that differ by one short stroke or by a mirror image (0/1, 2/3, 4/5, 6/7, 8/9) are what a linear classifier
// mixes up.
const std::array<Glyph, kClasses>& glyphs() {
  static const std::array<Glyph, kClasses> kGlyphs{{
      {{}, {{{.5, .5}, .28, .36, .1, .9}}},                                        // ring open to the right
      {{{{.5, .5}, {.78, .5}}}, {{{.5, .5}, .28, .36, .1, .9}}},                   // the same with a bar
      {{{{.3, .15}, {.3, .85}}}, {{{.3, .32}, .36, .17, -.25, .25}}},              // staff with a bow above
      {{{{.3, .15}, {.3, .85}}}, {{{.3, .68}, .36, .17, -.25, .25}}},              // staff with a bow below
      {{{{.2, .2}, {.8, .2}}, {{.8, .2}, {.2, .8}}, {{.2, .8}, {.8, .8}}}, {}},    // Z
      {{{{.2, .2}, {.8, .2}}, {{.2, .2}, {.8, .8}}, {{.2, .8}, {.8, .8}}}, {}},    // mirrored Z
      {{{{.2, .2}, {.5, .8}}, {{.5, .8}, {.8, .2}}, {{.35, .4}, {.65, .4}}}, {}},  // V with a bar
      {{{{.2, .8}, {.5, .2}}, {{.5, .2}, {.8, .8}}, {{.35, .6}, {.65, .6}}}, {}},  // A
      {{}, {{{.5, .32}, .2, .18, -.75, .0}, {{.5, .68}, .2, .18, -.25, .5}}},      // S
      {{}, {{{.5, .32}, .2, .18, -.5, .25}, {{.5, .68}, .2, .18, -.25, .5}}},      // 3
  }};
  return kGlyphs;
}

// Portable draws: only the engine's bits and exact arithmetic, no std::…_distribution.
class Draw {
 public:
  Draw(std::uint64_t seed, std::uint64_t index) {
    std::seed_seq sequence{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32),
                           static_cast<std::uint32_t>(index), static_cast<std::uint32_t>(index >> 32)};
    random_.seed(sequence);
  }
  double uniform(double low, double high) {
    return low + (high - low) * static_cast<double>(random_() >> 11) * 0x1p-53;
  }
  /// Draws with mean 0 and variance 1: eight bytes of one word, summed.
  double noise() {
    int sum = 0;
    for (std::uint64_t word = random_(); word != 0; word >>= 8) sum += static_cast<int>(word & 0xff);
    return (sum - 1020) / 209.0;
  }
  std::uint64_t below(std::uint64_t bound) { return uniform_below(random_, bound); }

 private:
  std::mt19937_64 random_;
};

// Positions in 1/1024 pixel. The integers hide the last bit of sin and cos, in which libraries differ.
constexpr int kUnit = 1024;
constexpr int kHalfUnit = kUnit / 2;
struct Stroke {
  int x0;
  int y0;
  int x1;
  int y1;
};

int to_unit(double pixels) { return static_cast<int>(std::floor(pixels * kUnit + 0.5)); }

// Maps the unit square to the image: rotation, anisotropic scale, shear, shift, and a bend along each axis.
class Distortion {
 public:
  explicit Distortion(Draw& draw) {
    const double angle = draw.uniform(-.3, .3);
    const double width = draw.uniform(.65, 1.0) * kSide;
    const double height = draw.uniform(.65, 1.0) * kSide;
    const double shear = draw.uniform(-.3, .3);
    const double cosine = std::cos(angle);
    const double sine = std::sin(angle);
    xx_ = width * cosine;
    xy_ = width * (shear * cosine) - height * sine;
    yx_ = width * sine;
    yy_ = width * (shear * sine) + height * cosine;
    x_ = kSide / 2.0 + draw.uniform(-3.0, 3.0);
    y_ = kSide / 2.0 + draw.uniform(-3.0, 3.0);
    bend_x_ = draw.uniform(-.25, .25);
    bend_y_ = draw.uniform(-.25, .25);
  }
  Point operator()(Point p) const {
    const double x = p.x - .5 + bend_x_ * ((p.y - .5) * (p.y - .5) - .1);
    const double y = p.y - .5 + bend_y_ * ((p.x - .5) * (p.x - .5) - .1);
    return {x_ + xx_ * x + xy_ * y, y_ + yx_ * x + yy_ * y};
  }

 private:
  double xx_, xy_, yx_, yy_, x_, y_, bend_x_, bend_y_;
};

void add_stroke(std::vector<Stroke>& strokes, const Distortion& distort, Point from, Point to) {
  const Point a = distort(from);
  const Point b = distort(to);
  strokes.push_back({to_unit(a.x), to_unit(a.y), to_unit(b.x), to_unit(b.y)});
}

std::vector<Stroke> strokes_of(const Glyph& glyph, const Distortion& distort) {
  constexpr int kPieces = 4;  // of a straight line, which bends too
  constexpr int kTurn = 16;   // pieces of a whole turn
  std::vector<Stroke> strokes;
  for (const Segment& line : glyph.lines) {
    const auto point = [&](int i) {
      const double t = static_cast<double>(i) / kPieces;
      return Point{line.from.x + t * (line.to.x - line.from.x), line.from.y + t * (line.to.y - line.from.y)};
    };
    for (int i = 0; i < kPieces; ++i) add_stroke(strokes, distort, point(i), point(i + 1));
  }
  for (const Arc& arc : glyph.arcs) {
    const int pieces = std::max(1, static_cast<int>(std::ceil((arc.to - arc.from) * kTurn)));
    const auto point = [&](int i) {
      const double angle = 2 * std::numbers::pi * (arc.from + (arc.to - arc.from) * i / pieces);
      return Point{arc.centre.x + arc.radius_x * std::cos(angle), arc.centre.y + arc.radius_y * std::sin(angle)};
    };
    for (int i = 0; i < pieces; ++i) add_stroke(strokes, distort, point(i), point(i + 1));
  }
  return strokes;
}

using Canvas = std::array<int, kSide * kSide>;

double distance(const Stroke& stroke, int x, int y) {
  const double dx = stroke.x1 - stroke.x0;
  const double dy = stroke.y1 - stroke.y0;
  const double length = dx * dx + dy * dy;
  double t = length > 0 ? ((x - stroke.x0) * dx + (y - stroke.y0) * dy) / length : 0.0;
  t = std::clamp(t, 0.0, 1.0);
  const double ex = x - stroke.x0 - t * dx;
  const double ey = y - stroke.y0 - t * dy;
  return std::sqrt(ex * ex + ey * ey);
}

// Raises pixels near the stroke to `ink`, with a soft edge of one pixel.
void paint(const Stroke& stroke, int half_width, int ink, Canvas& canvas) {
  const int reach = half_width + kUnit;
  const auto pixel = [](int unit) { return std::clamp(unit / kUnit, 0, kSide - 1); };
  for (int row = pixel(std::min(stroke.y0, stroke.y1) - reach); row <= pixel(std::max(stroke.y0, stroke.y1) + reach);
       ++row) {
    for (int column = pixel(std::min(stroke.x0, stroke.x1) - reach);
         column <= pixel(std::max(stroke.x0, stroke.x1) + reach); ++column) {
      const double edge =
          half_width + kHalfUnit - distance(stroke, column * kUnit + kHalfUnit, row * kUnit + kHalfUnit);
      const double cover = std::clamp(edge / kUnit, 0.0, 1.0);
      int& value = canvas[static_cast<std::size_t>(row * kSide + column)];
      value = std::max(value, static_cast<int>(cover * ink));
    }
  }
}

// A square of one grey over a part of the image.
void blot(Draw& draw, Canvas& canvas) {
  const int size = 4 + static_cast<int>(draw.below(5));
  const int top = static_cast<int>(draw.below(static_cast<std::uint64_t>(kSide - size)));
  const int left = static_cast<int>(draw.below(static_cast<std::uint64_t>(kSide - size)));
  const int grey = static_cast<int>(draw.below(160));
  for (int row = top; row < top + size; ++row) {
    for (int column = left; column < left + size; ++column) {
      canvas[static_cast<std::size_t>(row * kSide + column)] = grey;
    }
  }
}

// Draws image `index` of a seed and returns its label.
int draw_image(std::uint64_t seed, std::uint64_t index, int classes, std::uint8_t* image) {
  Draw draw(seed, index);
  const int label = static_cast<int>(draw.below(static_cast<std::uint64_t>(classes)));
  Canvas canvas{};
  const Distortion distort(draw);
  const int half_width = to_unit(draw.uniform(.6, 1.6));
  const int ink = static_cast<int>(draw.uniform(130, 256));
  for (const Stroke& stroke : strokes_of(glyphs()[static_cast<std::size_t>(label)], distort)) {
    paint(stroke, half_width, ink, canvas);
  }
  blot(draw, canvas);
  const double noise = draw.uniform(5, 30);
  for (std::size_t i = 0; i < canvas.size(); ++i) {
    const int value = canvas[i] + static_cast<int>(std::floor(draw.noise() * noise));
    image[i] = static_cast<std::uint8_t>(std::clamp(value, 0, 255));
  }
  return label;
}

// The test images of a pair start here, far above any training image's index.
constexpr std::uint64_t kTestIndex = std::uint64_t{1} << 32;

using Image = std::array<std::uint8_t, kSide * kSide>;

// Draws images one after the other and hands each to `take`. Throws Interrupted between two of them.
template <class Take>
Dataset generate(std::int64_t count, std::uint64_t seed, std::uint64_t first_index, int classes, const Take& take) {
  if (count < 1 || count >= static_cast<std::int64_t>(kTestIndex)) {
    throw Error(fmt::format("glyphs: image count: expected 1 to 2^32 - 1, got {}", count));
  }
  if (classes < 1 || classes > kClasses) {
    throw Error(fmt::format("glyphs: classes: expected 1 to {}, got {}", kClasses, classes));
  }
  Dataset data{fmt::format("glyphs (seed {})", seed), kSide, kSide, classes, {}, {}};
  data.labels.resize(static_cast<std::size_t>(count));
  Image image;
  for (std::size_t i = 0; i < data.labels.size(); ++i) {
    if (interrupted()) throw Interrupted{};
    data.labels[i] = static_cast<std::uint8_t>(draw_image(seed, first_index + i, classes, image.data()));
    take(image);
  }
  return data;
}

Dataset generate_squares(std::int64_t count, std::uint64_t seed, std::uint64_t first_index) {
  std::vector<std::uint8_t> images;
  Dataset data = generate(count, seed, first_index, kClasses, [&](const Image& image) {
    if (images.empty()) images.reserve(static_cast<std::size_t>(count) * image.size());
    images.insert(images.end(), image.begin(), image.end());
  });
  data.images = std::move(images);
  return data;
}

// Mean of the image's pixels under cell (row, column) of a grid of `side` × `side`.
std::uint8_t resampled(std::span<const std::uint8_t> image, int side, int row, int column) {
  const auto range = [&](int cell) {
    const int first = cell * kSide / side;
    return std::pair(first, std::max(first + 1, (cell + 1) * kSide / side));
  };
  const auto [top, bottom] = range(row);
  const auto [left, right] = range(column);
  int sum = 0;
  for (int y = top; y < bottom; ++y) {
    for (int x = left; x < right; ++x) sum += image[static_cast<std::size_t>(y * kSide + x)];
  }
  const int count = (bottom - top) * (right - left);
  return static_cast<std::uint8_t>((sum + count / 2) / count);
}

}  // namespace

Dataset generate_glyphs(std::int64_t count, std::uint64_t seed) { return generate_squares(count, seed, 0); }

DataPair generate_glyph_pair(std::int64_t train_count, std::int64_t test_count, std::uint64_t seed) {
  return {generate_squares(train_count, seed, 0), generate_squares(test_count, seed, kTestIndex)};
}

Dataset generate_flat(std::int64_t count, int features, int classes, std::uint64_t seed) {
  constexpr int kMaxFeatures = 1 << 20;
  if (features < 1 || features > kMaxFeatures) {
    throw Error(fmt::format("glyphs: features: expected 1 to {}, got {}", kMaxFeatures, features));
  }
  int side = 1;
  while (side * side < features) ++side;
  std::vector<std::uint8_t> images;
  Dataset flat = generate(count, seed, 0, classes, [&](const Image& image) {
    if (images.empty()) images.reserve(static_cast<std::size_t>(count) * static_cast<std::size_t>(features));
    for (int pixel = 0; pixel < features; ++pixel) {
      images.push_back(resampled(image, side, pixel / side, pixel % side));
    }
  });
  flat.rows = 1;
  flat.cols = features;
  flat.images = std::move(images);
  return flat;
}

}  // namespace bitloom
