#pragma once
#include <cstddef>
#include <cstdint>

#include "model/rows/isa.hpp"

namespace bitloom {

// The golden model's inner loops, compiled once per instruction set from the same text (kernels.inc, gemm_kernel.inc).
// Each works on one row of a tensor. The element rules stand in numbers.hpp, random.hpp, linear.hpp and update.hpp; the
// loops here state them again in a form that a compiler turns into vector code, and testbench/model/rows compares the
// two.

/// One rounding of x · m · 2^-s (N3.1–N3.4), clamped to ±limit.
struct RequantizeRule {
  std::uint32_t m = 32768;
  int s = 15;
  int rounding = 0;  ///< static_cast<int>(Rounding)
  int limit = 127;
};

/// Constants of the update of a row (N9).
struct UpdateRow {
  std::uint32_t mu16 = 0;
  std::uint32_t gradient_m = 32768;  ///< ratio_g
  int gradient_s = 15;
  std::uint32_t step_m = 32768;  ///< ratio_w
  int step_s = 15;
  std::int32_t limit = 0;  ///< of the master
  std::int32_t momentum_limit = 32767;
};

/// What a row adds to a tensor's statistics.
struct RowStatistics {
  std::int32_t max = 0;  ///< of |values written|
  std::uint64_t saturated = 0;
  std::uint64_t momentum_saturated = 0;  ///< update only
};

/// Strides of a GEMM operand: element (i, j) stands at i · row + j · column.
struct Strides {
  std::size_t row = 0;
  std::size_t column = 0;
};

/// Where the taps of a line of output pixels stand: tap line t of pixel p is `run` elements of a padded image from
/// p · step + offsets[t], and of a column matrix from p · depth + t · run.
struct TapLines {
  std::size_t pixels = 0;
  std::size_t step = 0;
  const std::size_t* offsets = nullptr;
  std::size_t lines = 0;
  std::size_t run = 0;
  std::size_t depth = 0;
};

constexpr std::size_t kTapSlack = 64;

/// Factors of affine_row() (N12), one an element: P(x, a) = ((x · m + offset) >> right) << left, limited to ±(2^46 -
/// 1). m carries the sign; all zero for a product of 0. wide: is any shift s ≤ 16, so that the limit can act? uniform:
/// is the first entry that of all elements? (Of two operands both or none.) repeats: do the entries, and the constants
/// of affine_row(), repeat every 16 elements? (Likewise.)
struct Factors {
  const std::int32_t* m = nullptr;
  const std::int64_t* offset = nullptr;
  const std::int64_t* right = nullptr;
  const std::int64_t* left = nullptr;
  bool wide = false;
  bool uniform = false;
  bool repeats = false;
};

/// Logarithmic codes (N19.2): `top` is a multiple of 2^drop below 2^(16 + drop).
struct LogRule {
  std::uint32_t top = 1;
  int drop = 0;
  int binades = 6;
};

/// Group codes (N21.1), one entry an element, or with `uniform` one for all: q = ((g - lo) · m + half + (((255 - u) >>
/// right) << left)) >> s, N3.4 with half = 2^(s-9) or 0, left = max(0, s - 8), right = max(0, 8 - s).
struct GroupRule {
  const std::int32_t* lo = nullptr;
  const std::int64_t* m = nullptr;
  const std::int64_t* half = nullptr;
  const std::int64_t* s = nullptr;
  const std::int64_t* left = nullptr;
  const std::int64_t* right = nullptr;
  bool uniform = false;
};

/// Factors of an LWQ update (N23.3, N23.5), each uniform.
struct LwqRule {
  Factors decay, by_gradient, by_momentum;
};

/// What an LWQ update adds up (N23.4–N23.6).
struct LwqSums {
  std::uint64_t vmax = 0;
  std::uint64_t moved = 0;  ///< A
  std::uint64_t saturated = 0;
  std::uint64_t momentum_saturated = 0;
};

/// Slopes of the polylines that residual codes are read and written by (N23.1), by code; where the slopes change and
/// where the integer weight does, in codes; and qmax.
struct PolylineRule {
  std::int32_t read[3] = {};
  std::int32_t write[3] = {};
  std::int32_t first = 2;   ///< the first slope holds below
  std::int32_t second = 4;  ///< and the second one below
  std::int32_t codes = 8;
  std::int32_t limit = 127;
};

/// A 16-bit field of random words that random_row() wrote as 32-bit words; little-endian machines only.
using RandomField16 [[gnu::may_alias]] = std::uint16_t;

/// The inner loops of one instruction set.
struct Kernels {
  /// Draws the 64-bit blocks 0 … blocks-1 of a row of a random stream (N4.3), low word first, so that the words' bytes
  /// in memory are the 8-bit (16-bit) fields of columns 0, 1, …
  void (*random_row)(std::uint32_t key0, std::uint32_t key1, std::uint32_t row, std::size_t blocks,
                     std::uint32_t* words);
  /// Does random_row() for rows row … row + rows - 1, one after the other.
  void (*random_rows)(std::uint32_t key0, std::uint32_t key1, std::uint32_t row, std::size_t rows, std::size_t blocks,
                      std::uint32_t* words);
  /// Makes the codes of a row; `random` is read by stochastic rounding only. Returns the number of clamped values.
  std::uint64_t (*requantize_row)(const std::int32_t* x, std::size_t count, const RequantizeRule& rule,
                                  const std::uint8_t* random, std::int8_t* codes);
  /// Makes the raw view of acc + bias, behind a ReLU where `relu` (N5.1, N5.2).
  void (*activate_row)(const std::int32_t* acc, const std::int32_t* bias, std::size_t count, bool relu,
                       std::int32_t* raw, RowStatistics& statistics);
  /// Makes raw views of 16 bits in place (N5.5), behind a ReLU where `relu`; what saturates before it counts too.
  void (*narrow_row)(std::int32_t* x, std::size_t count, int shift, bool relu, RowStatistics& statistics);
  /// Zeroes g where `output` (the raw view of the layer below) is not above 0 (N5.3).
  void (*mask_row)(std::int32_t* g, const std::int32_t* output, std::size_t count);
  /// Returns max |x|.
  std::int32_t (*max_row)(const std::int32_t* x, std::size_t count);
  /// Updates momentum and master of a row (N9.1, N9.2). random_* are 16-bit words, or null for "half_up".
  void (*update_row)(std::int32_t* master, std::int32_t* momentum, const std::int32_t* gradient, std::size_t count,
                     const UpdateRow& rule, const RandomField16* random_momentum, const RandomField16* random_master,
                     RowStatistics& statistics);
  /// Adds a row of codes to sums: sums[j] += codes[j].
  void (*add_row)(const std::int8_t* codes, std::size_t count, std::int32_t* sums);
  /// Multiplies matrices: c[M][N] = a[M][K] · b[K][N], exact for K up to 2^17 - 1. `packed` has gemm_scratch(N, K)
  /// elements.
  void (*gemm)(std::size_t m, std::size_t n, std::size_t k, const std::int8_t* a, Strides a_strides,
               const std::int16_t* packed, std::int32_t* c);
  /// Rearranges b for gemm().
  void (*gemm_pack)(std::size_t n, std::size_t k, const std::int8_t* b, Strides b_strides, std::int16_t* packed);
  /// Copies taps of the image into columns. Up to kTapSlack bytes behind both may be touched: read, and written with
  /// anything.
  void (*gather_taps)(const std::int8_t* image, const TapLines& taps, std::int8_t* columns);
  /// Adds columns to the image at their taps.
  void (*scatter_taps)(const std::int32_t* columns, const TapLines& taps, std::int32_t* image);
  /// Packs signs: bit b of words[j] = (codes[64·j + b] > 0), 0 beyond count (N22.1).
  void (*pack_signs)(const std::int8_t* codes, std::size_t count, std::uint64_t* words);
  /// Adds a row of signs as one bit: words[j] |= (codes[j] > 0) << bit.
  void (*pack_sign_bit)(const std::int8_t* codes, std::size_t count, int bit, std::uint64_t* words);
  /// Multiplies signs: acc[p · stride + o] = bits - 2 · (bits that differ between the taps of pixel p and the weights
  /// of output o), o below `outs`. Weights are [o / 8][word of the taps][o mod 8], with zeros for o ≥ outs. Runs and
  /// steps are in words.
  void (*xnor_line)(const std::uint64_t* image, const TapLines& taps, const std::uint64_t* weights, std::size_t outs,
                    std::int32_t bits, std::int32_t* acc, std::size_t stride);
  /// Computes out = u·a + v·b + c as a raw view (N12), with c in 2^-16 and its half for rounding added; v may be null.
  void (*affine_row)(const std::int32_t* u, const Factors& a, const std::int32_t* v, const Factors& b,
                     const std::int64_t* c, std::size_t count, bool relu, std::int32_t* out, RowStatistics& statistics);
  /// Adds by column (N13.2): first += Σ shifted e, second += Σ shifted e · shifted t; |shifted| ≤ 2^15, or shifts of 0.
  void (*column_sums)(const std::int32_t* e, int e_shift, const std::int32_t* t, int t_shift, std::size_t rows,
                      std::size_t cols, std::int64_t* first, std::int64_t* second);
  /// Adds up Σ|t| and Σt² (N13.2).
  void (*magnitude_sums)(const std::int32_t* u, int shift, std::size_t count, std::int64_t* absolute,
                         std::int64_t* square);
  /// Lowers lo and raises hi to the extremes of a row.
  void (*extremes_row)(const std::int32_t* x, std::size_t count, std::int32_t* lo, std::int32_t* hi);
  /// Does the same for each column.
  void (*extremes_columns)(const std::int32_t* x, std::size_t rows, std::size_t cols, std::int32_t* lo,
                           std::int32_t* hi);
  /// Pools the maximum (N15.1) of a line of output pixels whose windows have these taps (run: channels), with the
  /// numbers `ids`.
  void (*max_pool_line)(const std::int32_t* x, const TapLines& taps, const std::uint8_t* ids, std::int32_t* y,
                        std::uint8_t* winners);
  /// Makes that pooling's gradient where windows do not overlap: every tap is written.
  void (*max_pool_line_back)(const std::int32_t* dy, const std::uint8_t* winners, const TapLines& taps,
                             const std::uint8_t* ids, std::int32_t* g);
  /// Makes sign codes and the mask of their window (N22.1); `mask` may be null.
  void (*sign_row)(const std::int32_t* x, std::size_t count, std::int32_t window, std::int8_t* codes,
                   std::uint8_t* mask);
  /// Makes the mask of a window: lowest ≤ x ≤ highest (N22.2).
  void (*range_row)(const std::int32_t* x, std::size_t count, std::int32_t lowest, std::int32_t highest,
                    std::uint8_t* mask);
  /// Zeroes x where the mask is 0, and returns max |x|.
  std::int32_t (*select_row)(std::int32_t* x, const std::uint8_t* mask, std::size_t count);
  /// Makes NITI's codes (N24.1), and returns the saturations.
  std::uint64_t (*niti_row)(const std::int32_t* x, std::size_t count, int shift, int limit, std::int8_t* codes);
  /// Makes logarithmic codes as values (N19.2); half up where `random` is null. Returns the saturations.
  std::uint64_t (*log_row)(const std::int32_t* g, std::size_t count, const LogRule& rule, const std::uint8_t* random,
                           std::int8_t* values);
  /// Makes the codes of one group's elements, 0 … largest, by a random byte each (N21.1).
  void (*group_row)(const std::int32_t* g, std::size_t count, const GroupRule& rule, int largest,
                    const std::uint8_t* random, std::int8_t* codes);
  /// Makes (N23.3–N23.5) new momentum codes and what they take off the latent weights. `random` is never null.
  void (*lwq_momentum_row)(std::int32_t* momentum, const std::int32_t* gradient, std::size_t count, const LwqRule& rule,
                           const RandomField16* random, std::int32_t* delta, LwqSums& sums);
  /// Encodes latent - delta (N23.2); half up where `random` is null. Returns the saturations.
  std::uint64_t (*polyline_row)(std::int8_t* q, std::int8_t* s, const std::int32_t* delta, std::size_t count,
                                const PolylineRule& rule, const RandomField16* random);
  /// Adds products: sums[j] += a[j] · b[j].
  void (*multiply_add_row)(const std::int8_t* a, const std::int8_t* b, std::size_t count, std::int32_t* sums);
};

/// Returns how many elements gemm_pack() writes at most: whole panels of 32 columns, and pairs of k.
constexpr std::size_t gemm_scratch(std::size_t n, std::size_t k) { return ((n + 31) / 32 * 32) * ((k + 1) / 2 * 2); }

/// Returns the kernels of an instruction set that this machine supports.
const Kernels& kernels(Isa isa);

}  // namespace bitloom
