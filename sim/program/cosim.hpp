#pragma once
#include <cstdint>
#include <string>

#include "sim/cosim/cosim.hpp"
#include "sim/program/report.hpp"
#include "sim/program/workload.hpp"

namespace bitloom::program {

/// Returns the samples of `count` consecutive rows: the first training images of the folder `data`, or generated ones.
cosim::StepData cosim_samples(const Network& network, const std::string& data, std::int64_t count, std::uint64_t seed);

/// Runs the co-simulation with a progress line headed by `label`. Everything of `options` but the samples, the
/// Verilated machine and the progress is taken as given.
cosim::CosimResult run_cosimulation(const Workload& workload, const Machine& machine, const std::string& data,
                                    cosim::CosimOptions options, const std::string& label, bool progress);

}  // namespace bitloom::program
