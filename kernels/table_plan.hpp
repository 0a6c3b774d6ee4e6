#pragma once
#include <cstdint>
#include <map>
#include <string>

#include "kernels/layout.hpp"

namespace bitloom {

inline constexpr int kTableZero = 0;              ///< stays 0
inline constexpr int kTableScaleSaturations = 1;  ///< N2.1

/// Who lives where in table T. Every entry exists before the first command is made, so the table page can be loaded
/// first.
class TablePlan {
 public:
  /// Throws Error when the table of the hardware is too small.
  explicit TablePlan(const StepPlan& plan);

  /// Index of an entry; throws Error for a name that does not exist.
  int at(const std::string& name) const;
  /// STAT of a command: first of its three entries. Groups: loss; of a layer weights, bias, forward, quantize_x,
  /// gradient, quantize_d, wgrad, update, bias_update.
  int statistics(const std::string& group) const;

  const std::map<std::string, int>& entries() const { return entries_; }
  const std::map<int, std::uint32_t>& constants() const { return constants_; }
  /// Entries in use, rounded up to whole words of V.
  int size() const { return size_; }

 private:
  int add(const std::string& name);
  void add_constant(const std::string& name, std::uint32_t word);
  struct Three {
    std::string first, second, third;  ///< empty: an entry that nobody reads
  };
  void add_statistics(const std::string& group, const Three& names);
  void add_layer(const StepPlan& plan, int l);
  void add_statistics_of(const StepPlan& plan, int l);

  std::map<std::string, int> entries_;
  std::map<std::string, int> statistics_;
  std::map<int, std::uint32_t> constants_;
  int size_ = 0;
};

}  // namespace bitloom
