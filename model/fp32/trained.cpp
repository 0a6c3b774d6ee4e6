#include "model/fp32/trained.hpp"

#include "model/fp32/kernels.hpp"

namespace bitloom::fp32 {

Trained::Trained(const NodeParameters& initial) : parameters(initial), velocity(initial) {
  for (const Kind kind :
       {&NodeParameters::weight, &NodeParameters::bias, &NodeParameters::gamma, &NodeParameters::beta}) {
    (velocity.*kind).assign((velocity.*kind).size(), 0.0F);
  }
}

void Trained::move(Kind kind, const float* gradient, const UpdateAt& at) {
  std::vector<float>& values = parameters.*kind;
  const auto count = static_cast<std::int64_t>(values.size());
  accumulate(gradient, at.momentum, count, (velocity.*kind).data());
  step((velocity.*kind).data(), at.learning_rate, count, values.data());
}

void Trained::list(Kind kind, const std::string& name, const std::vector<std::int64_t>& shape,
                   std::vector<KeptTensor>& to) {
  if ((parameters.*kind).empty()) return;
  to.push_back({name, shape, parameters.*kind, true});
  to.push_back({name + "_velocity", shape, velocity.*kind, false});
}

void Trained::list(Kind kind, const std::string& name, std::vector<KeptTensor>& to) {
  list(kind, name, {static_cast<std::int64_t>((parameters.*kind).size())}, to);
}

}  // namespace bitloom::fp32
