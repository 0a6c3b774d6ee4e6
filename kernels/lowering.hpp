// What every phase of a lowering is made with. To add a phase: make a Phase over a grid, name its inputs in the order
// in which docs/commands.md lists them for the command, set the command's own fields, name its outputs, run it:
//
//   low.at(stage.node, "norm", "bn1: statistics");
//   Phase phase(low, low.vector_tiles(rows, cols, {.in = 1, .out = 1}));
//   phase.input({z});
//   Command& command = phase.vector(Opcode::AFFINE);       // RATIO, STAT, FLAGS … of this command
//   phase.output(Flag::RAW_OUT, {y});
//   phase.run();
//
// Scalar operations run before the phase that follows them: low.rmul(a, b) gives a new temporary entry (or vector of
// entries) of the table; Lowering::Scope gives the temporaries of a block back.
#pragma once
#include <array>
#include <optional>
#include <string>
#include <vector>

#include "kernels/builder.hpp"
#include "kernels/layout.hpp"
#include "kernels/table_plan.hpp"
#include "kernels/tiling.hpp"

namespace bitloom {

/// A table entry, or a vector of entries one behind the other.
struct Src {
  Entry entry = kTableZero;
  int count = 0;  ///< 0: one entry for all elements
  Src() = default;
  Src(Entry at, int entries = 0) : entry(at), count(entries) {}  // NOLINT: an entry is a source
  Src operator[](int i) const { return {entry + i}; }
};

/// What a SCALAR command has besides its sources.
struct ScalarMore {
  Entry dst = -1;  ///< −1: a new temporary
  int immediate = 0;
  Entry n = 0;    ///< SRC_N
  int pitch = 0;  ///< TABLE_PITCH, or QMAX of MAX_TO_SCALE
  bool keep = false;
  int count = 0;            ///< elements; 0: as many as the longest source has
  bool one_result = false;  ///< RSUM, RMAXABS
};

/// Descriptor of a shaped transfer: the fields of LOAD_SHAPE (docs/commands.md).
struct Gather {
  int extent_x = 1, extent_y = 1;
  int limit_x = 1, limit_y = 1;
  int offset_x = 0, offset_y = 0;
  int scale_x = 1, scale_y = 1;
  int tap_x = 1, tap_y = 1;
  int taps_x = 1, taps_y = 1;
  std::int64_t pixel_pitch = 0, line_pitch = 0, image_pitch = 0;
  int segment = 1, segment_base = 0;
  bool tap_loop = false;  ///< POOL: one tap an iteration
};

/// The rows × cols elements of a tensor that a phase walks.
struct View {
  int tensor = -1;
  std::int64_t offset = 0;  ///< bytes from the tensor to row 0
  int col_base = 0;         ///< element of a row (or stream) at which column 0 lies
  std::int64_t pitch = -1;  ///< bytes between rows; −1: the tensor's
  std::optional<Gather> gather = std::nullopt;
  bool same_for_samples = false;  ///< over samples: each sees the first rows
};

/// What the functions of a step make commands with: phases, scalar operations and vectors of the table.
class Lowering {
 public:
  Lowering(Program& into, TablePlan& plan) : program(into), table(plan), layout(into), builder_(into) {}

  Program& program;
  TablePlan& table;
  Layout layout;
  Schedule schedule = Schedule::kAuto;
  bool power_units = false;  ///< a NITI recipe: to_unit() rounds up to a power of two (N24.4)

  const Hardware& hardware() const { return program.hardware; }
  const TensorPlacement& tensor(int index) const { return program.tensors[static_cast<std::size_t>(index)]; }

  /// Says where the commands that follow belong.
  void at(int node, const std::string& phase, const std::string& text) {
    info_ = {node, phase, text, 0};
    table.at(context().what);
  }
  const CommandInfo& info() const { return info_; }
  void text(const std::string& what) { info_.text = what; }
  TilingContext context() const;
  /// Choose the tiles of a phase of the vector engine, or of the array.
  TileGrid vector_tiles(int rows, int cols, const Sections& sections) const;
  TileGrid array_tiles(int rows, int cols, const Sections& sections) const;
  /// Chooses those of biases on their way to VBIAS.
  TileGrid bias_tiles(int cols) const;

  /// Declares that this tensor of golden's record lies nowhere in memory when the step ends.
  void leave_out(const TensorHandle& handle) { program.left_out.insert(handle); }

  void add(PhaseCommands phase) {
    if (!silent_) builder_.phase(std::move(phase));
  }
  void finish() { builder_.finish(); }

  // --- Scalars. Results are new temporaries unless more.dst says where. A vector where a source is one.
  Src scalar(ScalarOp op, Src a, Src b = {}, Src c = {}, const ScalarMore& more = {});
  Src mul(Src a, Src b, Entry dst = -1) { return scalar(ScalarOp::MUL, a, b, {}, {.dst = dst}); }
  Src div(Src a, Src b, Entry dst = -1) { return scalar(ScalarOp::DIV, a, b, {}, {.dst = dst}); }
  Src copy(Src a, Entry dst) { return scalar(ScalarOp::COPY, a, {}, {}, {.dst = dst}); }
  /// Makes the scale of a maximum; with `keep` it stays the previous one where the maximum is 0 (N2.4).
  Src max_to_scale(Src max, Src unit, int q, Entry dst = -1, std::optional<Src> keep = std::nullopt);
  Src rmul(Src a, Src b, Entry dst = -1) { return scalar(ScalarOp::RMUL, a, b, {}, {.dst = dst}); }
  Src rmul(Src a, Src b, Src c) { return rmul(rmul(a, b), c); }
  Src rdiv(Src a, Src b, Entry dst = -1) { return scalar(ScalarOp::RDIV, a, b, {}, {.dst = dst}); }
  Src radd(Src a, Src b, Entry dst = -1) { return scalar(ScalarOp::RADD, a, b, {}, {.dst = dst}); }
  Src rsub(Src a, Src b, Entry dst = -1) { return scalar(ScalarOp::RSUB, a, b, {}, {.dst = dst}); }
  Src rneg(Src a, Entry dst = -1) { return rsub({}, a, dst); }
  Src rmax(Src a, Src b) { return scalar(ScalarOp::RMAX, a, b); }
  Src rmin(Src a, Src b) { return scalar(ScalarOp::RMIN, a, b); }
  Src rsqrt(Src a) { return scalar(ScalarOp::RSQRT, a); }
  Src rsum(Src a) { return scalar(ScalarOp::RSUM, a, {}, {}, {.one_result = true}); }
  Src rmaxabs(Src a) { return scalar(ScalarOp::RMAXABS, a, {}, {}, {.one_result = true}); }
  Src to_int(Src a, int fraction_bits, Entry dst = -1) {
    return scalar(ScalarOp::TO_INT, a, {}, {}, {.dst = dst, .immediate = fraction_bits});
  }
  Src from_int(Src a, int fraction_bits, Entry dst = -1) {
    return scalar(ScalarOp::FROM_INT, a, {}, {}, {.dst = dst, .immediate = fraction_bits});
  }
  /// Makes the real nearest to the 64-bit integer whose low word is `low` and whose high word lies `pitch` entries
  /// further.
  Src from_sum(Src low, int pitch, Entry dst = -1) {
    return scalar(ScalarOp::FROM_SUM, low, {}, {}, {.dst = dst, .pitch = pitch});
  }
  Src to_scale(Src a, Entry dst = -1) { return scalar(ScalarOp::TO_SCALE, a, {}, {}, {.dst = dst}); }
  /// Makes the unit of a sum, an average or a norm's gradient.
  Src to_unit(Src a, Entry dst) { return scalar(ScalarOp::TO_SCALE, a, {}, {}, {.dst = dst, .keep = power_units}); }
  Src shift_of(Src max) { return scalar(ScalarOp::SHIFT_OF, max); }
  /// Makes 2^(base + a), or with `minus` 2^(base − a).
  Src exp2(int base, Src a, bool minus = false) {
    return scalar(ScalarOp::EXP2, a, {}, {}, {.immediate = base, .keep = minus});
  }
  Src imax(Src a, Src b, Entry dst = -1) { return scalar(ScalarOp::IMAX, a, b, {}, {.dst = dst}); }
  Src isub(Src a, Src b, Entry dst = -1) { return scalar(ScalarOp::ISUB, a, b, {}, {.dst = dst}); }
  /// Adds integers: a + b modulo 2^32.
  Src iadd(Src a, Src b, Entry dst = -1) { return isub(a, isub({}, b), dst); }
  /// Give entries of constants: the real nearest `value`, or a word as it is.
  Src real(double value);
  Src word_of(std::uint32_t word) { return {table.constant(word)}; }

  /// Loads `rows` vectors of `count` columns from column `col` on of a 32-bit tensor into the table; vector i starts at
  /// the result's entry + i · count.
  Src load_vectors(int tensor, int col, int count, int rows = 1);
  /// Stores vectors[i] into row first_row + i.
  void store_vectors(const std::vector<Src>& vectors, int tensor, int col, int count, int first_row = 0);

  /// Gives back the temporaries that were made while it lived.
  class Scope {
   public:
    explicit Scope(Lowering& low) : table_(low.table), mark_(low.table.mark()) {}
    ~Scope() { table_.release(mark_); }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    TablePlan& table_;
    int mark_;
  };

  /// While it lives with `silent`, phases and scalars take their tensors and table entries but make no commands: so
  /// programs that differ in what they do agree on where everything lies (N26.6).
  class Silence {
   public:
    Silence(Lowering& low, bool silent) : low_(low), before_(low.silent_) { low.silent_ = before_ || silent; }
    ~Silence() { low_.silent_ = before_; }
    Silence(const Silence&) = delete;
    Silence& operator=(const Silence&) = delete;

   private:
    Lowering& low_;
    bool before_;
  };

 private:
  Builder builder_;
  CommandInfo info_;
  bool silent_ = false;
};

/// One operand of a GEMM.
struct GemmOperand {
  View view;
  bool transpose = false;  ///< the reduction runs along the memory's rows (a transposing LOAD)
  Expand expand = Expand::SIGNED;
  Kind kind = Kind::SIGNED;
};

/// result[rows][cols] = Σ over `terms` of a · b.
struct GemmJob {
  GemmOperand a, b;
  std::int64_t terms = 0;
  bool of_layer = false;  ///< a layer's product, which reports count; not a sum by a constant one
};

struct GemmPass;

/// The commands of one phase, in the making.
class Phase {
 public:
  /// Makes a phase over tiles: i0 column tiles, i1 row tiles.
  Phase(Lowering& low, const TileGrid& grid);
  /// Makes a phase over row tiles (i0) and taps (i1, i2), for POOL: grid has one column tile.
  static Phase over_taps(Lowering& low, const TileGrid& grid, int taps_y, int taps_x);
  /// Makes a phase over samples (i0) and the row tiles (i1) of a sample of `rows` rows; grid (of one sample) has one
  /// column tile.
  static Phase over_samples(Lowering& low, const TileGrid& grid, int samples, int rows);

  /// Adds the operand loads and the GEMM of a pass, or of a job as a whole; before any input.
  void gemm(const GemmPass& pass);
  void gemm(const GemmJob& job);
  /// Adds the next full-tile input.
  void input(const View& view, Expand expand = Expand::SIGNED, bool pad_min = false);
  /// Adds a mask of one or eight bits an element as the next full-tile input; packed where tiles of whole rows lie one
  /// behind the other, so that LOAD need not take a step for each row.
  void mask_input(const View& view);
  /// Adds one value a row of the tile (AFFINE with V_ROW): the next full-tile input, [rows][1].
  void row_input(const View& view);
  /// Adds the labels of LOSS: row i's at the section's start + i.
  void labels(const View& view);
  /// Adds the `count` coefficient vectors: rows 0 … of `view`. Over samples: column i0 of each row, for all columns.
  void coefficients(const View& view, int count);
  /// Makes the command of the vector engine, with loops, tile and sections set.
  Command& vector(Opcode opcode);
  Command& command() { return *commands_.vector; }
  /// Adds the next output.
  void output(const View& view);
  void output(Flag flag, const View& view) {
    command().set_flag(flag);
    output(view);
  }
  void run();

  const TileGrid& grid() const { return grid_; }
  PhaseCommands& commands() { return commands_; }

 private:
  Phase(Lowering& low, const TileGrid& grid, std::array<int, 3> counts, int rows_dim, int cols_dim);
  void set_loops(Command& command, const std::array<int, 3>& counts) const;
  void set_tile(Command& command) const;
  Command transfer(Opcode opcode, const View& view);
  Command vin_load(const View& view);
  void require_operands() const;
  void require_no_stale_lines() const;
  bool joins(const View& view) const;
  void join_rows(Command& transfer, const View& view) const;
  Command operand_load(const GemmPass& pass, bool is_a);
  void set_operand(Command& load, const GemmOperand& operand, const Cut& lanes, int lanes_dim, const Cut& terms,
                   int terms_dim) const;
  Command operand_by_segment(const GemmPass& pass, bool is_a);
  Command operand_of_rows(const GemmPass& pass, bool is_a);
  Command operand_for_all(const GemmPass& pass, bool is_a);

  Lowering& low_;
  TileGrid grid_;
  std::array<int, 3> counts_;  ///< of the vector command
  int rows_dim_, cols_dim_;
  int sample_rows_ = 0;  ///< over samples: rows of one
  int segments_ = 1;
  bool scalar_coefficients_ = false;
  bool packed_mask_ = false;
  int inputs_ = 0, coefficients_ = 0, outputs_ = 0;
  PhaseCommands commands_;
};

/// Says whether an operand's elements can meet the array as packed 4-bit codes: every tap must fill whole bytes.
bool packs_nibbles(const GemmOperand& operand);
/// Returns the width at which the operands of a GEMM meet in the array: 1 (XNOR), 4 or 8.
int common_width(const Lowering& low, const GemmJob& job);

}  // namespace bitloom
