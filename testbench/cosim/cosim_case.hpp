#pragma once
#include <string>

#include "model/data/glyphs.hpp"
#include "model/io/traces.hpp"
#include "sim/cosim/cosim.hpp"

namespace bitloom::cosim {

/// A co-simulation by names of files in traces/, on generated data.
struct CosimCase {
  std::string network, recipe, hardware;
  int batch = 19;
  int steps = 3;
  int stall = 0;
  std::uint64_t seed = 1;
  double learning_rate = 0.0;  ///< constant; 0: what the default hyper-parameters say
};

/// Generated images of the network's input size, labels within its classes.
Dataset random_images(const Network& network, int samples, std::uint64_t seed);

CosimResult run_case(const CosimCase& chosen, CosimOptions options = {});

}  // namespace bitloom::cosim
