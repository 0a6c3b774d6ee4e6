#include "sim/roofline.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace bitloom {

Busiest busiest(const EngineCycles& busy) {
  std::array<std::size_t, kEngines> order{};
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return busy[a] > busy[b]; });
  const std::uint64_t first = busy[order[0]], second = busy[order[1]];
  if (first == 0) return {};
  return {kEngineWords[order[0]], second == 0 ? "" : kEngineWords[order[1]],
          static_cast<double>(second) / static_cast<double>(first)};
}

std::uint64_t bound_cycles(const OperationBytes& operation, double array_cycles, const Hardware& hardware) {
  const auto over = [](std::uint64_t amount, int a_cycle) {
    return static_cast<double>(amount) / static_cast<double>(a_cycle);
  };
  const double floors[] = {array_cycles, over(operation.read.total(), hardware.axi_bytes),
                           over(operation.written.total(), hardware.axi_bytes),
                           over(operation.elements, hardware.lanes)};
  return static_cast<std::uint64_t>(std::ceil(*std::max_element(std::begin(floors), std::end(floors))));
}

}  // namespace bitloom
