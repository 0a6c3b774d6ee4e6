#include "kernels/compulsory.hpp"

#include <algorithm>

#include "kernels/step_operands.hpp"

namespace bitloom {
namespace {

constexpr int kRawBits = 32;    ///< of what is summed up for parameters
constexpr int kMaskBits = 1;    ///< of masks (N17)
constexpr int kArgmaxBits = 8;  ///< of the place of a maximum in its window (N15)
constexpr int kLabelBits = 32;  ///< of a sample's class

/// Lists the operations in golden's order (N10).
class Lister : StepOperands {
 public:
  Lister(const Network& network, const Recipe& recipe, int samples)
      : StepOperands(network, recipe, samples), recipe_(recipe) {}

  void forward();
  void backward();
  std::vector<OperationBytes> take() { return std::move(list_); }

 private:
  /// A node's phase, which the reads and writes below go to.
  OperationBytes& at(const TrainingNode& of, const char* phase);
  static void read(OperationBytes& to, MemoryKind kind, std::uint64_t elements, int bits) {
    to.read[kind] += (elements * static_cast<std::uint64_t>(bits) + 7) / 8;
  }
  static void write(OperationBytes& to, MemoryKind kind, std::uint64_t elements, int bits) {
    to.written[kind] += (elements * static_cast<std::uint64_t>(bits) + 7) / 8;
  }

  void weight_codes(const TrainingNode& of);
  void input_codes(const TrainingNode& of);
  void product(const TrainingNode& of);
  void norm_forward(const TrainingNode& of);
  void pool_forward(const TrainingNode& of);
  void add_forward(const TrainingNode& of);
  void loss();
  void result(OperationBytes& to, const TrainingNode& of, int bits);
  void gradient_codes(const TrainingNode& of);
  void gradient_to(OperationBytes& from, const TrainingNode& to, int bits);
  void activation_gradient(const TrainingNode& of);
  void weight_gradient(const TrainingNode& of);
  void norm_backward(const TrainingNode& of);
  void pool_backward(const TrainingNode& of);
  void add_backward(const TrainingNode& of);
  void sum_of_gradients(const TrainingNode& of);
  void parameter(const TrainingNode& of, Parameter which, std::uint64_t elements);
  void update(const TrainingNode& of, Parameter which, std::uint64_t elements);

  const Recipe& recipe_;
  std::vector<OperationBytes> list_;
};

OperationBytes& Lister::at(const TrainingNode& of, const char* phase) {
  const auto same = [&](const OperationBytes& each) { return each.node == of.node && each.phase == phase; };
  const auto found = std::find_if(list_.begin(), list_.end(), same);
  if (found != list_.end()) return *found;
  list_.push_back({of.node, phase, {}, {}, 0});
  return list_.back();
}

/// Adds a node's result, and the mask of its ReLU.
void Lister::result(OperationBytes& to, const TrainingNode& of, int bits) {
  write(to, MemoryKind::kActivations, results(of), bits);
  if (of.relu) write(to, MemoryKind::kActivations, results(of), kMaskBits);
}

void Lister::weight_codes(const TrainingNode& of) {
  if (keeps_codes(of)) return;
  OperationBytes& to = at(of, "weights");
  read(to, MemoryKind::kLatentWeights, weights(of), state_bits(*state(of, StepTensor::kMaster)));
  write(to, MemoryKind::kWeights, weights(of), w_bits(of));
  if (windows_of_w(of)) write(to, MemoryKind::kWeights, weights(of), kMaskBits);
  to.elements += weights(of);
}

void Lister::input_codes(const TrainingNode& of) {
  if (reads_input(of) || below(of).result_at_once) return;
  OperationBytes& to = at(of, "quantize");
  read(to, MemoryKind::kActivations, inputs(of), below(of).raw_bits);
  write(to, MemoryKind::kActivations, inputs(of), x_bits(of));
  if (windows_of_x(of)) write(to, MemoryKind::kActivations, inputs(of), kMaskBits);
  to.elements += inputs(of);
}

void Lister::product(const TrainingNode& of) {
  if (const StateTensor* bias = state(of, StepTensor::kBias)) {
    OperationBytes& to = at(of, "bias");
    read(to, MemoryKind::kWeights, outputs(of), state_bits(*bias));
    to.elements += outputs(of);
  }
  OperationBytes& to = at(of, "forward");
  read(to, MemoryKind::kActivations, inputs_met(of), x_bits(of));
  read(to, MemoryKind::kWeights, weights(of), w_bits(of));
  result(to, of, of.result_at_once ? x_bits(graph_.nodes[static_cast<std::size_t>(of.readers.front())]) : of.raw_bits);
  to.elements += results(of);
}

void Lister::norm_forward(const TrainingNode& of) {
  OperationBytes& to = at(of, "norm");
  read(to, MemoryKind::kActivations, inputs(of), below(of).raw_bits);
  for (const StepTensor each : {StepTensor::kGamma, StepTensor::kBeta, StepTensor::kRunMean, StepTensor::kRunVar}) {
    const StateTensor& tensor = *state(of, each);
    read(to, kind_of(each), tensor.size(), state_bits(tensor));
    const bool runs = each == StepTensor::kRunMean || each == StepTensor::kRunVar;
    if (runs) write(to, kind_of(each), tensor.size(), state_bits(tensor));
  }
  result(to, of, of.raw_bits);
  to.elements += results(of);
}

void Lister::pool_forward(const TrainingNode& of) {
  OperationBytes& to = at(of, "pool");
  read(to, MemoryKind::kActivations, inputs_met(of), below(of).raw_bits);
  result(to, of, of.raw_bits);
  if (of.op == Op::kMaxPool) write(to, MemoryKind::kActivations, results(of), kArgmaxBits);
  to.elements += inputs_met(of);
}

void Lister::add_forward(const TrainingNode& of) {
  OperationBytes& to = at(of, "add");
  for (const int input : of.inputs) {
    read(to, MemoryKind::kActivations, results(of), graph_.nodes[static_cast<std::size_t>(input)].raw_bits);
  }
  result(to, of, of.raw_bits);
  to.elements += results(of);
}

void Lister::loss() {
  const TrainingNode& last = graph_.nodes.back();
  OperationBytes& to = at(last, "loss");
  read(to, MemoryKind::kActivations, results(last), last.raw_bits);
  read(to, MemoryKind::kOther, samples_, kLabelBits);
  if (last.relu) read(to, MemoryKind::kActivations, results(last), kMaskBits);
  write(to, MemoryKind::kGradients, results(last), last.gradient_bits);
  to.elements += results(last);
}

void Lister::gradient_codes(const TrainingNode& of) {
  if (of.gradient_at_once) return;
  OperationBytes& to = at(of, "quantize");
  read(to, MemoryKind::kGradients, results(of), of.gradient_bits);
  std::vector<int> views = d_bits(of, true);
  const bool two = of.rule.gradient.quantizer == Quantizer::kGroup && !reads_input(of);
  if (two) views.push_back(d_bits(of, false).front());
  for (const int bits : views) write(to, MemoryKind::kGradients, results(of), bits);
  to.elements += views.size() * results(of);
}

/// Adds the gradient of a node's result, or one reader's part of it where several read it.
void Lister::gradient_to(OperationBytes& from, const TrainingNode& to, int bits) {
  write(from, MemoryKind::kGradients, results(to), bits);
  if (to.readers.size() == 1 && to.relu) read(from, MemoryKind::kActivations, results(to), kMaskBits);
  from.elements += results(to);
}

void Lister::activation_gradient(const TrainingNode& of) {
  if (reads_input(of)) return;
  OperationBytes& to = at(of, "dgrad");
  read(to, MemoryKind::kGradients, results(of), d_bits(of, false).front());
  read(to, MemoryKind::kWeights, weights(of), w_bits(of));
  if (windows_of_x(of)) read(to, MemoryKind::kActivations, inputs(of), kMaskBits);
  gradient_to(to, below(of), below(of).gradient_at_once ? d_bits(below(of), false).front() : of.input_gradient_bits);
}

void Lister::weight_gradient(const TrainingNode& of) {
  OperationBytes& to = at(of, "wgrad");
  read(to, MemoryKind::kActivations, inputs_met(of), x_bits(of));
  for (const int bits : d_bits(of, true)) read(to, MemoryKind::kGradients, results(of), bits);
  if (windows_of_w(of)) read(to, MemoryKind::kWeights, weights(of), kMaskBits);
  write(to, MemoryKind::kGradients, weights(of), kRawBits);
  to.elements += weights(of);
  if (state(of, StepTensor::kBias) != nullptr) {
    write(to, MemoryKind::kGradients, outputs(of), kRawBits);
    to.elements += outputs(of);
  }
  if (of.rule.weight.quantizer != Quantizer::kStandardizedRoundClip) return;
  OperationBytes& back = at(of, "norm");
  read(back, MemoryKind::kGradients, weights(of), kRawBits);
  read(back, MemoryKind::kLatentWeights, weights(of), state_bits(*state(of, StepTensor::kMaster)));
  write(back, MemoryKind::kGradients, weights(of), kRawBits);
  back.elements += weights(of);
}

void Lister::norm_backward(const TrainingNode& of) {
  OperationBytes& to = at(of, "norm");
  read(to, MemoryKind::kGradients, results(of), of.gradient_bits);
  read(to, MemoryKind::kActivations, inputs(of), below(of).raw_bits);
  gradient_to(to, below(of), of.input_gradient_bits);
  write(to, MemoryKind::kGradients, 2 * outputs(of), kRawBits);
  parameter(of, Parameter::kGamma, outputs(of));
  parameter(of, Parameter::kBeta, outputs(of));
}

void Lister::pool_backward(const TrainingNode& of) {
  OperationBytes& to = at(of, "pool");
  read(to, MemoryKind::kGradients, results(of), of.gradient_bits);
  if (of.op == Op::kMaxPool) read(to, MemoryKind::kActivations, results(of), kArgmaxBits);
  gradient_to(to, below(of), of.input_gradient_bits);
}

/// A sum hands its gradient on as it is; only a ReLU below makes another one of it.
void Lister::add_backward(const TrainingNode& of) {
  for (const int input : of.inputs) {
    const TrainingNode& to = graph_.nodes[static_cast<std::size_t>(input)];
    if (to.readers.size() > 1 || !to.relu) continue;
    OperationBytes& masked = at(to, "add");
    read(masked, MemoryKind::kGradients, results(to), of.gradient_bits);
    gradient_to(masked, to, of.input_gradient_bits);
  }
}

void Lister::sum_of_gradients(const TrainingNode& of) {
  if (of.readers.size() < 2) return;
  OperationBytes& to = at(of, "add");
  for (const int reader : of.readers) {
    read(to, MemoryKind::kGradients, results(of), graph_.nodes[static_cast<std::size_t>(reader)].input_gradient_bits);
  }
  if (of.relu) read(to, MemoryKind::kActivations, results(of), kMaskBits);
  write(to, MemoryKind::kGradients, results(of), of.gradient_bits);
  to.elements += results(of);
}

/// Adds the gradient of a parameter to its sum over micro-batches, where there is one, and updates it.
void Lister::parameter(const TrainingNode& of, Parameter which, std::uint64_t elements) {
  if (recipe_.update.micro_batches > 0) {
    const bool weight = which == Parameter::kWeight;
    OperationBytes& to = at(of, "accumulate");
    const StateTensor& sum = *(weight ? state(of, StepTensor::kBuffer) : state(of, {StepTensor::kSum, which}));
    read(to, MemoryKind::kGradients, elements, kRawBits);
    read(to, MemoryKind::kGradients, elements, state_bits(sum));
    write(to, MemoryKind::kGradients, elements, state_bits(sum));
    if (weight) {
      read(to, MemoryKind::kGradients, outputs(of), 32);  // the value of a code in each column (N26.1)
      write(to, MemoryKind::kGradients, elements, kRawBits);
    }
    to.elements += elements;
  }
  update(of, which, elements);
}

void Lister::update(const TrainingNode& of, Parameter which, std::uint64_t elements) {
  OperationBytes& to = at(of, "update");
  read(to, MemoryKind::kGradients, elements, kRawBits);
  to.elements += elements;
  for (const StateTensor& tensor : state_.tensors) {
    const StepTensor value = tensor.handle.what.value;
    const MemoryKind kind = kind_of(value);
    const bool vector = value == StepTensor::kBias || value == StepTensor::kGamma || value == StepTensor::kBeta;
    const bool own = vector ? value == value_of(which) : tensor.handle.what.of == which;
    if (tensor.handle.node != of.node || !own || kind == MemoryKind::kGradients || kind == MemoryKind::kOther) continue;
    const bool made_anew = value == StepTensor::kQ && state(of, StepTensor::kLatent) != nullptr;  // N23: of the latent
    if (!made_anew) read(to, kind, tensor.size(), state_bits(tensor));
    write(to, kind, tensor.size(), state_bits(tensor));
  }
}

void Lister::forward() {
  for (const TrainingNode& each : graph_.nodes) {
    if (each.layer >= 0) weight_codes(each);
  }
  for (const TrainingNode& each : graph_.nodes) {
    switch (each.op) {
      case Op::kLinear:
      case Op::kConv2d:
        input_codes(each);
        product(each);
        break;
      case Op::kBatchNorm:
        norm_forward(each);
        break;
      case Op::kAdd:
        add_forward(each);
        break;
      case Op::kMaxPool:
      case Op::kAveragePool:
        pool_forward(each);
        break;
      case Op::kRelu:
      case Op::kFlatten:
      case Op::kSoftmaxCrossEntropy:
        break;  // part of other nodes (TrainingGraph)
    }
  }
}

void Lister::backward() {
  loss();
  for (std::size_t i = graph_.nodes.size(); i-- > 0;) {
    const TrainingNode& each = graph_.nodes[i];
    sum_of_gradients(each);
    switch (each.op) {
      case Op::kLinear:
      case Op::kConv2d:
        gradient_codes(each);
        activation_gradient(each);
        weight_gradient(each);
        parameter(each, Parameter::kWeight, weights(each));
        if (state(each, StepTensor::kBias) != nullptr) parameter(each, Parameter::kBias, outputs(each));
        break;
      case Op::kBatchNorm:
        norm_backward(each);
        break;
      case Op::kAdd:
        add_backward(each);
        break;
      case Op::kMaxPool:
      case Op::kAveragePool:
        pool_backward(each);
        break;
      case Op::kRelu:
      case Op::kFlatten:
      case Op::kSoftmaxCrossEntropy:
        break;
    }
  }
}

}  // namespace

std::vector<OperationBytes> compulsory_bytes(const Network& network, const Recipe& recipe, int samples,
                                             bool forward_only) {
  Lister lister(network, recipe, samples);
  lister.forward();
  if (!forward_only) lister.backward();
  return lister.take();
}

}  // namespace bitloom
