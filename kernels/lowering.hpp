#pragma once
#include <string>

#include "kernels/builder.hpp"
#include "kernels/layout.hpp"
#include "kernels/table_plan.hpp"
#include "kernels/training_graph.hpp"
#include "model/random.hpp"

namespace bitloom {

/// Turns the phases of a training graph into commands, one after the other.
class Lowering {
 public:
  Lowering(const StepPlan& plan, const TablePlan& table, std::uint32_t mu16, Program& program);
  void run();

 private:
  /// A GEMM: C[rows][cols] = A · B, both packed along the reduction.
  struct Gemm {
    int a = 0;  ///< index of the placement whose memory rows are the result's rows
    int b = 0;  ///< index of the placement whose memory rows are the result's columns
    int terms = 0;
    int bits = 8;
  };
  /// Codes that a TILE makes.
  struct Codes {
    int layer = 0;  ///< whose x, w or d they are (of the bits)
    std::string what;
    Rounding rounding = Rounding::kHalfUp;
    std::uint32_t tensor = 0;  ///< of the random words
  };

  void lower(const PhaseNode& node);
  void load_table();
  void store_table();
  void move_table(Opcode opcode, const std::string& text);
  void quantize_weights(int l);
  void bias(int l);
  void forward(int l);
  void quantize_activation(int l);
  void loss(int l);
  void gradient_maximum(int l);
  void quantize_gradient(int l);
  void activation_gradient(int l);
  void weight_gradient(int l);
  void update(int l, bool of_bias);

  // Scalar commands: T[dst] = …
  void mul(const std::string& dst, int a, int b);
  void div(const std::string& dst, int a, int b);
  void copy(const std::string& dst, const std::string& a);
  void max_to_scale(const std::string& dst, const std::string& max, const std::string& unit, int bits,
                    const std::string& keep = "");
  void scalar(Command command, const std::string& text);
  int entry(const std::string& name) const { return table_.at(name); }

  // Parts of phases.
  PhaseCommands begin() const;
  void add_gemm(PhaseCommands& phase, const TileGrid& grid, const Gemm& gemm) const;
  void load_words(PhaseCommands& phase, int tensor, const TileGrid& grid, int section) const;
  void load_mask(PhaseCommands& phase, int tensor, const TileGrid& grid) const;
  void store_words(PhaseCommands& phase, int tensor, const TileGrid& grid, int section) const;
  void store_codes(PhaseCommands& phase, const Codes& codes, const TileGrid& grid) const;
  void store_mask(PhaseCommands& phase, int tensor, const TileGrid& grid) const;
  void load_labels(PhaseCommands& phase, const TileGrid& grid) const;
  Command over_tiles(Opcode opcode, const TileGrid& grid, const std::string& statistics) const;
  void make_codes(Command& tile, const Codes& codes) const;

  int find(const std::string& name, Packing packing) const;  ///< −1: none
  int tensor(const std::string& name, Packing packing) const;
  const TensorPlacement& at(int tensor) const { return program_.tensors[static_cast<std::size_t>(tensor)]; }
  Codes activation_codes(int l) const;
  Codes gradient_codes(int l) const;

  const StepPlan& plan_;
  const TablePlan& table_;
  std::uint32_t mu16_;
  Program& program_;
  Builder builder_;
  PhaseNode node_;
};

}  // namespace bitloom
