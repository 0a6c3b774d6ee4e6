#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "kernels/lowering.hpp"
#include "kernels/raw_sums.hpp"
#include "kernels/step_graph.hpp"
#include "model/numerics/numbers.hpp"
#include "model/numerics/random.hpp"

namespace bitloom {

/// A raw view (32 or 16 bits) in memory, with the table entries of its unit and of its max |raw|.
struct Raw {
  int tensor = -1;
  Src unit;
  Src max;
};

/// Codes in memory.
struct Codes {
  int tensor = -1;
  Src scale;
  Kind kind = Kind::SIGNED;
  Expand expand = Expand::SIGNED;
};

/// How a TILE makes codes.
struct CodeRule {
  int bits = 8;
  Src ratio;
  QuantizerKind quantizer = QuantizerKind::UNIFORM;
  int limit = 127;  ///< QMAX
  bool is_unsigned = false;
  RoundingMode rounding = RoundingMode::HALF_UP;
  std::uint32_t tensor = 0;  ///< of the random words
  int use = static_cast<int>(RandomUse::kQuantize);
  int sample = 0;
  MaskRule mask_rule = MaskRule::POSITIVE;
  Src window;  ///< T[LIMIT] of the mask
};

/// Codes of a group view (N21).
struct GroupCodes {
  Codes codes;
  int reals = -1;  ///< [rows][groups] (GroupRow)
  Src z;           ///< Z of N21.2
};

/// What the lowering knows of a stage while it passes through the step.
struct StageState {
  Raw raw;                 ///< the result, after its ReLU
  int mask = -1;           ///< of the ReLU
  int winner = -1;         ///< of a max_pool
  int sums = -1;           ///< of a norm: Σt, Σt² as [4][channels]
  int cross = -1;          ///< of a norm: Σt, Σt·e of its gradient and input, likewise
  int magnitudes = -1;     ///< of the result: Σ|t|, Σt² as [4][1] (SAWB)
  int gains = -1;          ///< of a norm: gr and r, [2][channels]
  Raw gradient;            ///< of the result before its ReLU: d_raw
  std::vector<Raw> parts;  ///< what readers have delivered of it
  // Of a linear or conv2d stage:
  Codes x, w;
  int x_mask = -1;             ///< straight-through window of x (N17.1); −1: none
  Codes d;                     ///< that the activation gradient reads
  std::vector<Codes> d_wgrad;  ///< that the weight gradient reads: one, or one a sample of SMP
  Raw dw, db;
  int w_mask = -1;  ///< straight-through window of w
  GroupCodes d_groups, w_groups;
};

/// Where the gradient of a stage's result goes that one reader makes.
struct GradientPlace {
  int tensor = -1;
  int mask = -1;      ///< to be applied; −1: none
  EntryName maximum;  ///< of its statistics
  EntryName saturations;
  Src unit;       ///< the entry to be set
  int norm = -1;  ///< stage of the norm whose gradient it is; −1: none
};

/// A GEMM layer's geometry in elements.
struct LayerShape {
  Conv2dAttributes conv;
  int group_in = 0;  ///< channels
  int group_out = 0;
  int taps() const { return conv.kernel.rows * conv.kernel.cols; }
  int depth() const { return taps() * group_in; }  ///< K
  /// Says whether there is one tap, no stride, no padding, one group: rows of x meet rows of z.
  bool is_plain() const;
};

/// One phase of a gather backwards: the positions of the input grid whose row is ≡ first modulo the stride.
struct StridePhase {
  int first = 0;  ///< position of the phase's first element
  int count = 0;  ///< positions
  int tap0 = 0;   ///< first kernel tap that reaches them
  int tap_step = 1;
  int taps = 0;         ///< how many do
  int offset = 0;       ///< output position of tap0 at the phase's position 0
  int output_step = 0;  ///< of the output position from tap to tap
};
std::vector<StridePhase> stride_phases(int extent, int kernel, int stride, int padding, int dilation);

/// One tensor that Adam updates (N25), and the tensors of its update (step_adam.cpp).
struct AdamJob {
  const Raw& gradient;
  int value;
  Src value_unit;
  bool wide;             ///< MASTER32
  std::uint32_t tensor;  ///< of the random words
  Entry statistics;
};
/// The tensors, by number, of an update by Adam (N25).
struct AdamParts {
  int blocks;           ///< [3][cols]: m_step, r_lo, r_step
  int constants;        ///< [5][cols]: KM, KR, KG, LO, 2^F
  int coders;           ///< [4][cols]: E, what codes m' and r', lo
  int gradient_ranges;  ///< [3][cols]: min, max, largest magnitude
  int m_ranges;
  int r_ranges;
  int m, r;  ///< codes
  int m_raw, r_raw;
};

/// Statistics of a value that several phases make: max, codes' saturations, raw view's saturations.
class Statistics {
 public:
  /// Takes the `names` of T[STAT], T[STAT + 1], T[STAT + 2]; kUnread is an entry that nobody reads.
  Statistics(Lowering& low, const std::vector<EntryName>& names, int phases = 1);
  /// Returns STAT of the next phase.
  Entry next();
  /// Takes in a phase's statistics; to be called after each phase has run.
  void fold();
  /// Lets a TILE, AFFINE or POOL go on with the statistics of the phases before it, in place of next() and fold(). No
  /// other statistics may do so in between.
  void go_on(Command& command);

 private:
  Lowering& low_;
  Entry page_;
  Entry part_ = 0;
  int phases_;
  bool begun_ = false;
};

/// Lowers one training step: derives backward from the stages, in N10's order.
class Step {
 public:
  Step(Lowering& low, const Recipe& recipe, const LowerOptions& options);
  void run();

  // What the parts share (kernels/step_*.cpp, kernels/lowering_*.cpp).
  Lowering& low;
  const Recipe& recipe;
  const LowerOptions& options;
  StepGraph graph;

  const Stage& stage(int s) const { return graph.stages[static_cast<std::size_t>(s)]; }
  const StageState& at(int s) const { return states_[static_cast<std::size_t>(s)]; }
  StageState& at(int s) { return states_[static_cast<std::size_t>(s)]; }
  /// Returns which of golden's tensors, or scalars, a stage's is; or says that it is the accelerator's own.
  TensorName handle(int s, const What<StepTensor>& what) const { return TensorHandle{stage(s).node, what}; }
  EntryName handle(int s, const What<StepScalar>& what) const { return ScalarHandle{stage(s).node, what}; }
  Own own(int s, const std::string& what, MemoryKind kind = MemoryKind::kOther) const {
    return Own(stage(s).name + "." + what, kind);
  }
  Entry entry(int s, const What<StepScalar>& what) { return low.table.named(handle(s, what)); }
  Entry own_entry(int s, const std::string& what) { return low.table.named(own(s, what)); }
  LayerShape shape(int s) const;
  void phase(int s, const std::string& kind, const std::string& text) {
    low.at(stage(s).node, kind, stage(s).name + ": " + text);
  }
  int state_tensor(int s, const What<StepTensor>& what) const;  ///< placed before the step
  int ones() const { return ones_; }                            ///< [1][largest number of channels] of 4 bits, all 1

  /// Adds a new tensor [rows][cols] of integers for a stage.
  int add_raw(int s, const What<StepTensor>& what, std::int64_t rows, std::int64_t cols, int bits = 32) {
    return low.layout.add(handle(s, what), bits, rows, cols);
  }
  /// Puts a view's unit for sums that are shifted by `shift` into `to` (N5.5), which may be the entry of `unit`.
  void shift_unit(Src unit, int shift, Entry to) {
    if (shift > 0) low.mul(unit, low.word_of(word(power_of_two(-shift))), to);
  }
  /// Returns how many bits an element of a mask has: 1, or 8 where tiles of this grid, whose columns begin at multiples
  /// of `base_step`, start inside bytes. Rows of packed masks must be whole bytes where a flattened image is another
  /// view of them.
  static int mask_bits(const TileGrid& grid, const ImageShape& image, int base_step) {
    const bool whole = image.channels % 8 == 0 || image.height * image.width == 1;
    return grid.starts_bytes(1) && base_step % 8 == 0 && whole ? 1 : 8;
  }
  /// Adds one likewise that golden does not record.
  int add_own(int s, const std::string& what, std::int64_t rows, std::int64_t cols,
              MemoryKind kind = MemoryKind::kOther, int bits = 32) {
    return low.layout.add(own(s, what, kind), bits, rows, cols);
  }
  int add_mask(int s, const What<StepTensor>& what, std::int64_t rows, std::int64_t cols, int bits) {
    return low.layout.add(handle(s, what), bits, rows, cols, Coding::kUnsigned);
  }

  /// Say where reader number `parts` of stage s shall put its gradient of so many bits, and that it has been put there.
  GradientPlace gradient_place(int s, int bits);
  void deliver(int s, const Raw& part);
  /// Delivers a gradient that exists already (add), behind the mask where there is one.
  void deliver_copy(int s, const Raw& part);
  void mask_gradient(int from, const GradientPlace& place);
  void add_exactly(int u, int v, int to, Entry statistics);

  /// Adds u + v (N14.6); with `mask_out` its ReLU, whose mask goes there. With `sums` it sums up what it makes.
  Raw add(int s, const Raw& u, const Raw& v, const GradientPlace& place, const int* mask_out,
          std::optional<RawSums> sums = std::nullopt);

  // Sums on the way (step_sums.cpp).
  std::optional<RawSums> sums_of_result(int s);
  std::optional<RawSums> sums_of_gradient(const GradientPlace& place);
  int norm_of_gradient(int s) const;

  int input_bits(int s) const;

  // Codes (step_codes.cpp).
  void weight_codes(int s);
  void input_codes(int s);     ///< x of layer s from the raw result that it reads
  void gradient_codes(int s);  ///< d of layer s from its d_raw
  bool needs_gradient_maximum(int s) const;
  void start_scales();
  std::uint32_t x_id(int s) const;  ///< N14.5
  CodeRule uniform_rule(const ViewRule& rule, int bits, Src ratio, std::uint32_t id) const;
  static void set_codes(Command& tile, const CodeRule& codes);
  /// Makes the codes of a raw view; with `mask_out` ≥ 0 also the mask of the rule.
  void quantize(const View& raw, int rows, int cols, const CodeRule& codes, int to, Entry statistics,
                int mask_out = -1);
  // Codes of the methods (step_methods.cpp).
  void method_weights(int s);
  void method_input(int s);
  void method_gradient(int s);
  void method_update(int s);
  void sawb_scale(int sums, const Raw& of, std::int64_t count, const ViewRule& rule, int levels, Entry to);
  int magnitudes(const Own& name, const Raw& of, std::int64_t rows, int cols);
  CodeRule clip_rule(const ViewRule& rule, Src unit, Entry scale, bool is_unsigned);
  CodeRule sign_rule(Src window, Entry scale);
  CodeRule niti_rule(const Raw& raw, int bits, Entry scale);
  Raw master_of(int s);
  Raw standardized(int s, const Raw& master);
  void standardized_gradient(int s);
  void niti_update(int s);
  void lwq_update(int s);
  void lwq_adam_update(int s);
  Entry lwq_levels(int s);
  void lwq_latent(int s, Command& command, Entry level);
  void lwq_next_level(int s, Entry moved, Entry level);
  void sgd_update(int s);
  // Groups (step_groups.cpp).
  int group_ranges(int s, const GroupView& view, int part);
  Src group_keep(int s, Src range, Src score, int prune_use);
  GroupCodes group_view(int s, const GroupView& view, int part, int use, int prune_use);
  void group_codes(int s, const GroupView& view, const GroupCodes& of, const CodeRule& rule);
  void group_gradient(int s);
  int weight_sums(int s);
  void group_activation_gradient(int s, int acc, const GradientPlace& place);
  void group_affine(int s, int acc, int row_values, int row_value_col, int rows, int first, int cols, int to, int mask,
                    Src reals, Entry statistics);
  void group_weight_gradient(int s, StepTensor dw);
  // GEMMs (step_gemm.cpp).
  void forward_layer(int s);
  void activation_gradient(int s);
  GemmJob gradient_job(int s, const LayerShape& layer, int group, const StridePhase& y, const StridePhase& x,
                       const Codes& d) const;
  static Gather phase_rows(const ImageShape& image, const StridePhase& y, const StridePhase& x,
                           std::int64_t pixel_pitch, int stride_y, int stride_x);
  void activation_sums(int s, const GradientPlace& place);
  void zero_phase(const View& to, int rows, int cols, Statistics* statistics);
  void gradient_at_once(int s, int below);
  void weight_gradient(int s);
  GemmJob weight_gradient_job(int s, const LayerShape& layer, int group, const Codes& d) const;
  void weight_gradient_phases(int s, const Codes& d, int to, int mask, const std::vector<EntryName>& names);
  void summed_weight_gradient(int s, StepTensor dw);
  void bias_gradient_phase(int s, const Codes& d, int to, Entry statistics);
  // Others.
  void update(int s);
  void apply_update(int s);
  void pool_forward(int s);
  void pool_backward(int s);
  void pool_unit(int s, Src from, int shift, Entry to);
  void pool_gradient_phase(int s, const StridePhase& y, const StridePhase& x, int first, int count,
                           const GradientPlace& place, bool of_all, Statistics& statistics);
  void add_forward(int s);
  void add_backward(int s);
  void norm_forward(int s);
  void norm_backward(int s);
  /// Puts dy · a + z · b + c into `place`: rows of `coefficients` (a, or a b c), else by_z and by_one.
  void affine_gradient(int dy, int z, int rows, int cols, int coefficients, int count, Src by_z, Src by_one,
                       const GradientPlace& place);
  /// Updates stage s's parameter `of` and its state by `gradient` (N9, N25); `wide` (MASTER32) for biases and norm
  /// parameters.
  void update_tensor(int s, Parameter of, const Raw& gradient, Src value_unit, bool wide, std::uint32_t tensor,
                     Entry statistics);
  // Micro-batches (step_buffer.cpp).
  Raw buffered_weights(int s);
  Raw buffered_vector(int s, Parameter of, const Raw& gradient);
  void buffer_steps(int s, int steps);
  std::array<Src, 2> add_to_buffer(int s, int steps, int codes);
  Raw buffer_mean(int s, int steps, int codes);
  void clear_update_counts(int s);
  // Adam (step_adam.cpp).
  void adam_rate();
  void adam_update(int s, Parameter parameter, const AdamJob& job);
  int adam_steps(int s, const AdamJob& job);
  AdamParts adam_moments(int s, Parameter parameter, const AdamJob& job);
  Src adam_ratio(Src value_unit);
  void adam_constants(const AdamParts& of, const AdamJob& job);
  void adam_coders(const AdamParts& of);

 private:
  void place_state();
  void name_largest_weight(int s);
  void load_table();
  void store_table();
  void loss();
  void loss_unit(Entry to);
  void forward(int s);
  void backward(int s);
  void bias_of_group(int s, const LayerShape& layer, int group, Statistics& statistics);

  std::vector<StageState> states_;
  int page_ = -1, ones_ = -1, labels_ = -1;
};

/// Returns the bytes of `cols` elements of a tensor whose elements fill bytes.
std::int64_t bytes_of(const Lowering& low, int tensor, int cols);
/// Chooses tiles of whole rows over a tensor that is seen with shorter rows where that is needed.
TileGrid flat_tiles(const Lowering& low, std::int64_t rows, int cols, const Sections& sections);
/// Reduces to two sums or a range of a whole tensor: [4 or 3][1].
int reduce_all(Lowering& low, const Own& name, ReduceKind kind, int tensor, std::int64_t rows, int cols, Src shift);

/// Sets the bytes between pixels, lines and images of a tensor [m][channels].
void set_pitches(Gather& gather, std::int64_t pixel, const ImageShape& image);

}  // namespace bitloom
