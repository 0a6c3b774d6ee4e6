#pragma once
#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "kernels/program.hpp"
#include "model/golden/step_record.hpp"

namespace bitloom::cosim {

inline constexpr int kNoPlace = -1;  ///< of an entry of the table, which Difference::col numbers

/// One element that differs from golden.
struct Difference {
  std::string executor;  ///< "systemc" or "rtl"
  int step = 0;
  std::string tensor;    ///< golden's name, or "table entry …"
  int place = kNoPlace;  ///< index in Program::tensors
  int row = 0;           ///< of the canonical view
  int col = 0;
  std::int64_t expected = 0;
  std::int64_t got = 0;
  std::vector<int> writers;  ///< commands that write this tensor
};

/// What a comparison looked at.
struct Comparison {
  std::uint64_t tensors = 0;
  std::uint64_t elements = 0;
  std::uint64_t scalars = 0;
  std::uint64_t mismatches = 0;
  std::set<std::string> unseen;   ///< golden's tensors that memory does not hold after the step (see compare_step)
  std::vector<Difference> first;  ///< at most kKept, in program order of their writers
  static constexpr std::size_t kKept = 8;
};

/// Compares every tensor and every scalar of golden's record with the one of the same handle in memory (bytes from
/// BASE) and adds to `sum`. Throws Error when one side holds a handle that the other lacks and the program does not
/// declare (Program::left_out). Own tensors and entries have no handle. What is left out it adds to `sum.unseen`.
void compare_step(const Program& program, const StepRecord& record, std::span<const std::uint8_t> memory,
                  std::uint64_t batch_address, const std::string& executor, int step, Comparison& sum);

/// Returns the value that memory holds now in the place of a difference.
std::int64_t element_of(const Program& program, const Difference& difference, std::span<const std::uint8_t> memory,
                        std::uint64_t batch_address);

}  // namespace bitloom::cosim
