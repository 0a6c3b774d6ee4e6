#include "kernels/raw_sums.hpp"

#include <algorithm>

namespace bitloom {

bool RawSums::holds(const Hardware& hardware, int columns) const {
  return all || divide_up(columns, hardware.lanes) <= std::min(kReduceWords, hardware.vout_words / 8);
}

void RawSums::sum_up(Command& command) {
  command.set(Field::SUMS, 1).set(Field::REDUCE_KIND, static_cast<int>(kind)).set(Field::AXIS_ALL, all ? 1 : 0);
  command.set(Field::SUMS_KEEP, begun ? 1 : 0);
  begun = true;
}

void RawSums::write(Lowering& low, int first, int columns) {
  const int cols = all ? 1 : columns;
  const auto groups = static_cast<int>(divide_up(cols, low.hardware().lanes));
  Phase phase(low, low.vector_tiles(1, cols, {.out = 1, .least_words = 4 * groups}));
  Command& reduce = phase.vector(Opcode::REDUCE).set(Field::SUMS, 1).set(Field::AXIS_ALL, all ? 1 : 0);
  reduce.set(Field::REDUCE_KIND, static_cast<int>(kind));
  phase.output({.tensor = results, .col_base = first});
  phase.run();
  begun = false;
}

}  // namespace bitloom
