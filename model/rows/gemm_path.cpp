#include "model/rows/gemm_path.hpp"

#include <dnnl.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <limits>

#include "model/io/error.hpp"
#include "model/rows/gemm.hpp"
#include "model/rows/onednn.hpp"

namespace bitloom {
namespace {

constexpr std::array<std::array<char, 2>, 3> kForms{{{'N', 'N'}, {'N', 'T'}, {'T', 'N'}}};

/// Are the largest operands right, where an inner 16-bit sum would saturate, in all three forms that a layer uses?
bool onednn_passes_self_test() {
  constexpr int kSize = 32;
  for (const int sign : {1, -1}) {
    const std::vector<std::int8_t> a(kSize * kSize, 127);
    const std::vector<std::int8_t> b(kSize * kSize, static_cast<std::int8_t>(127 * sign));
    for (const auto& form : kForms) {
      std::vector<std::int32_t> c(kSize * kSize, 0);
      if (!onednn_gemm(form[0], form[1], kSize, kSize, kSize, a.data(), b.data(), c.data())) return false;
      const auto right = [sign](std::int32_t sum) { return sum == sign * 127 * 127 * kSize; };
      if (!std::all_of(c.begin(), c.end(), right)) return false;
    }
  }
  return true;
}

/// Says whether oneDNN is exact here: without the vector-neural-network instructions oneDNN's 8-bit GEMM saturates
/// inside.
bool onednn_is_exact() {
  limit_onednn();
  switch (dnnl_get_effective_cpu_isa()) {
    case dnnl_cpu_isa_avx2_vnni:
    case dnnl_cpu_isa_avx512_core_vnni:
    case dnnl_cpu_isa_avx512_core_bf16:
    case dnnl_cpu_isa_avx512_core_amx:
      return onednn_passes_self_test();
    default:  // not ours: oneDNN's enum
      return false;
  }
}

/// Takes the best of a few runs of the three GEMMs of a layer of 256 inputs and 128 outputs, 128 samples.
GemmTrial measure(GemmPath path) {
  constexpr int kSamples = 128, kIn = 256, kOut = 128, kRuns = 5;
  constexpr std::size_t kRoom = std::size_t{256} * 128;  // elements of the largest of the matrices
  const std::vector<std::int8_t> x(kRoom, 3), w(kRoom, -5), d(kRoom, 7);
  std::vector<std::int32_t> to(kRoom);
  Gemm gemm(1, path);
  GemmTrial trial{path, std::numeric_limits<double>::infinity()};
  for (int run = 0; run < kRuns; ++run) {
    const auto start = std::chrono::steady_clock::now();
    gemm.forward(x.data(), w.data(), kSamples, kIn, kOut, to.data());
    gemm.activation_gradient(d.data(), w.data(), kSamples, kIn, kOut, to.data());
    gemm.weight_gradient(x.data(), d.data(), kSamples, kIn, kOut, to.data());
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    trial.seconds = std::min(trial.seconds, taken.count());
  }
  return trial;
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "auto" : value;
}

GemmChoice choose() {
  const std::string wanted = environment("BITLOOM_GEMM");
  if (wanted != "auto" && wanted != "own" && wanted != "onednn") {
    throw Error("BITLOOM_GEMM: expected own, onednn or auto, got '" + wanted + "'");
  }
  if (wanted == "own") return {};
  const std::string isa = environment("BITLOOM_ISA");
  const bool ruled_out = wanted == "auto" && isa != "auto" && !isa.starts_with("avx512");
  if (ruled_out) return {};
  if (!onednn_is_exact()) {
    if (wanted == "onednn") throw Error("BITLOOM_GEMM: oneDNN's 8-bit GEMM is not exact on this machine");
    return {};
  }
  if (wanted == "onednn") return {GemmPath::kOneDnn, {}};
  GemmChoice choice;
  choice.trials = {measure(GemmPath::kOwn), measure(GemmPath::kOneDnn)};
  choice.path = fastest_path(choice.trials);
  return choice;
}

}  // namespace

std::string_view gemm_path_name(GemmPath path) {
  switch (path) {
    case GemmPath::kOwn:
      return "own";
    case GemmPath::kOneDnn:
      return "onednn";
  }
  return "?";
}

GemmPath fastest_path(std::span<const GemmTrial> trials) {
  if (trials.empty()) throw Error("GEMM: no path to choose from");
  const auto faster = [](const GemmTrial& a, const GemmTrial& b) { return a.seconds < b.seconds; };
  return std::min_element(trials.begin(), trials.end(), faster)->path;
}

const GemmChoice& choose_gemm_path() {
  static const GemmChoice choice = choose();
  return choice;
}

bool onednn_gemm(char transpose_a, char transpose_b, int m, int n, int k, const std::int8_t* a, const std::int8_t* b,
                 std::int32_t* c) {
  limit_onednn();
  const std::int32_t no_offset = 0;
  return dnnl_gemm_s8s8s32(transpose_a, transpose_b, 'F', m, n, k, 1.0F, a, transpose_a == 'N' ? k : m, 0, b,
                           transpose_b == 'N' ? n : k, 0, 0.0F, c, n, &no_offset) == dnnl_success;
}

}  // namespace bitloom
