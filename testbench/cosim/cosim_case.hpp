#pragma once
#include <string>

#include "model/data/glyphs.hpp"
#include "model/io/traces.hpp"
#include "sim/cosim/cosim.hpp"

namespace bitloom::cosim {

/// A co-simulation by names of files in traces/, on generated data.
struct CosimCase {
  std::string network, recipe, hardware;
  int batch = 19;  ///< samples at once: of a step, or of a micro-batch
  int steps = 3;   ///< executions; of micro-batches whole steps (N26)
  int stall = 0;
  std::uint64_t seed = 1;
  double learning_rate = 0.0;  ///< constant; 0: what the default hyper-parameters say
};

/// Makes generated images of the network's input size, labels within its classes.
Dataset random_images(const Network& network, int samples, std::uint64_t seed);

/// Where SystemC's cycles are not the RTL's, in total, by phase or by command, one a line; empty where all are equal.
/// The model holds at every stall rate, so nothing but equality is right.
std::string cycles_that_differ(const CosimResult& result);

CosimResult run_case(const CosimCase& chosen, CosimOptions options = {});

}  // namespace bitloom::cosim
