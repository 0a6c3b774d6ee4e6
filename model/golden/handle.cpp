#include "model/golden/handle.hpp"

#include <span>

namespace bitloom {
namespace {

#define BITLOOM_WORD(value, word) word,
constexpr std::string_view kTensorWords[] = {BITLOOM_STEP_TENSORS(BITLOOM_WORD)};
constexpr std::string_view kScalarWords[] = {BITLOOM_STEP_SCALARS(BITLOOM_WORD)};
#undef BITLOOM_WORD
#define BITLOOM_VALUE(parameter, value, prefix) StepTensor::value,
constexpr StepTensor kValues[] = {BITLOOM_PARAMETERS(BITLOOM_VALUE)};
#undef BITLOOM_VALUE
#define BITLOOM_PREFIX(parameter, value, prefix) prefix,
constexpr std::string_view kPrefixes[] = {BITLOOM_PARAMETERS(BITLOOM_PREFIX)};
#undef BITLOOM_PREFIX

/// Says whether no two handles would have the same name.
constexpr bool all_differ(std::span<const std::string_view> words) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (words[i] == words[j]) return false;
    }
  }
  return true;
}
static_assert(all_differ(kTensorWords) && all_differ(kScalarWords) && all_differ(kPrefixes));

/// Samples are counted from 0 (`d` is the first one), the two views of groups from 1.
std::string suffix_of(const What<StepTensor>& what) {
  if (what.value == StepTensor::kDSample) return std::to_string(what.part);
  return what.part == 0 ? "" : std::to_string(what.part + 1);
}
std::string suffix_of(const What<StepScalar>& what) { return what.part == 0 ? "" : std::to_string(what.part + 1); }

template <class Value>
std::string name_of_any(const Handle<Value>& handle, const Network& network) {
  std::string name;
  if (handle.node != kWholeStep) name = network.nodes[static_cast<std::size_t>(handle.node)].name + ".";
  name += prefix_of(handle.what.of);
  name += word_of(handle.what.value);
  return name + suffix_of(handle.what);
}

}  // namespace

std::string_view word_of(StepTensor tensor) { return kTensorWords[static_cast<std::size_t>(tensor)]; }
std::string_view word_of(StepScalar scalar) { return kScalarWords[static_cast<std::size_t>(scalar)]; }
StepTensor value_of(Parameter parameter) { return kValues[static_cast<std::size_t>(parameter)]; }
std::string_view prefix_of(Parameter parameter) { return kPrefixes[static_cast<std::size_t>(parameter)]; }

std::string name_of(const TensorHandle& handle, const Network& network) { return name_of_any(handle, network); }
std::string name_of(const ScalarHandle& handle, const Network& network) { return name_of_any(handle, network); }

}  // namespace bitloom
