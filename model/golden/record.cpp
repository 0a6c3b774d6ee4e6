#include "model/golden/record.hpp"

#include <algorithm>
#include <bit>
#include <limits>
#include <string>

namespace bitloom {
namespace {

class LayerRecorder {
 public:
  LayerRecorder(const GoldenLayer& layer, const GoldenTools& tools, StepRecord& record)
      : layer_(layer), tools_(tools), record_(record), name_(layer.node.name + ".") {}

  void run() {
    codes();
    gradient_codes();
    by_recipe();
    scales();
    counts();
  }

 private:
  template <class T>
  void put(const std::string& what, std::size_t rows, int bits, const std::vector<T>& values,
           CodeKind kind = CodeKind::kSigned) {
    if (values.empty()) return;
    record_.tensors[name_ + what] = {
        static_cast<int>(rows), static_cast<int>(values.size() / rows), bits, {values.begin(), values.end()}, kind};
  }
  void words(const std::string& what, const std::vector<Real>& values) {
    std::vector<std::int32_t> of_values;
    for (const Real value : values) of_values.push_back(static_cast<std::int32_t>(value.word()));
    put(what, 1, 32, of_values);
  }
  void scalar(const char* what, std::uint32_t value) { record_.scalars[name_ + what] = value; }

  static int bits_of(const RecipeLayer& rule, const ViewRule& view) {
    switch (view.quantizer) {
      case Quantizer::kSign:
        return 1;
      case Quantizer::kSawb:
      case Quantizer::kRoundClip:
      case Quantizer::kStandardizedRoundClip:
      case Quantizer::kLog:
        return 4;
      case Quantizer::kMax:
      case Quantizer::kLwq:
      case Quantizer::kNiti:
      case Quantizer::kGroup:
        break;
    }
    return rule.width(view);
  }

  void codes();
  void gradient_codes();
  void grouped(const GroupedView& view, int bits, const std::string& suffix);
  void by_recipe();
  void scales();
  void counts();

  const GoldenLayer& layer_;
  const GoldenTools& tools_;
  StepRecord& record_;
  std::string name_;
};

void LayerRecorder::codes() {
  const bool sign_x = layer_.rule.activation.quantizer == Quantizer::kSign;
  const bool sign_w = layer_.rule.weight.quantizer == Quantizer::kSign;
  const std::size_t in = static_cast<std::size_t>(layer_.node.conv.in);
  put("x", layer_.x.size() / in, bits_of(layer_.rule, layer_.rule.activation), layer_.x,
      sign_x ? CodeKind::kSign : (layer_.x_unsigned ? CodeKind::kUnsigned : CodeKind::kSigned));
  put("w", layer_.depth(), bits_of(layer_.rule, layer_.rule.weight), layer_.w,
      sign_w ? CodeKind::kSign : CodeKind::kSigned);
  put("x_mask", layer_.x.size() / in, 1, layer_.x_mask, CodeKind::kUnsigned);
  put("w_mask", layer_.depth(), 1, layer_.w_mask, CodeKind::kUnsigned);
}

void LayerRecorder::grouped(const GroupedView& view, int bits, const std::string& suffix) {
  if (view.codes.empty()) return;
  put("d" + suffix, layer_.rows(tools_), bits, view.codes, CodeKind::kUnsigned);
  std::vector<std::int32_t> lo, hi;
  for (const Extremes& of : view.extremes) {
    lo.push_back(of.lo);
    hi.push_back(of.hi);
  }
  put("lo" + suffix, 1, 32, lo);
  put("hi" + suffix, 1, 32, hi);
  words("step" + suffix, view.step);
  words("off" + suffix, view.offset);
  record_.scalars[name_ + "group_z" + suffix] = view.common.word();
}

void LayerRecorder::gradient_codes() {
  const ViewRule& view = layer_.rule.gradient;
  if (view.quantizer == Quantizer::kGroup) {
    grouped(layer_.d_view, view.dgrad.bits, "");
    grouped(layer_.w_view, view.wgrad.bits, "2");
    put("w_sum", layer_.node.conv.in_pixels(), 32, layer_.weight_sum);
    put("x_sum", layer_.depth(), 32, layer_.input_sum);
    return;
  }
  for (std::size_t sample = 0; sample < layer_.d.size(); ++sample) {
    std::vector<std::int32_t> codes(layer_.d[sample].begin(), layer_.d[sample].end());
    const bool log = view.quantizer == Quantizer::kLog;
    for (std::int32_t& code : codes) {
      if (log) code = std::bit_width(static_cast<unsigned>(code < 0 ? -code : code)) | (code < 0 ? 8 : 0);
    }
    put(sample == 0 ? "d" : "d_s" + std::to_string(sample), layer_.rows(tools_), bits_of(layer_.rule, view), codes,
        log ? CodeKind::kLog : CodeKind::kSigned);
  }
}

void LayerRecorder::by_recipe() {
  put("dw", layer_.depth(), 32, layer_.dw);
  put("what_raw", layer_.depth(), 32, layer_.what);
  put("dwhat_raw", layer_.depth(), 32, layer_.dwhat);
  if (tools_.accumulates() && tools_.micro_batch.last) put("dw_mean", layer_.depth(), 32, layer_.dw_mean.data);
  if (!layer_.node.bias) return;
  put("b_acc", 1, 32, layer_.b_acc);
  put("db", 1, 32, layer_.db);
}

void LayerRecorder::scales() {
  scalar("sx", word(layer_.sx));
  scalar("sw", word(layer_.sw));
  scalar("sd", word(layer_.sd));
  scalar("s_acc", word(layer_.s_acc));
  if (layer_.node.bias) scalar("ratio_b", word(layer_.ratio_b));
  if (layer_.rule.gradient.quantizer == Quantizer::kLog) scalar("log_max", layer_.log_max);
  if (layer_.rule.optimizer == Optimizer::kLwq) scalar("vmax", static_cast<std::uint32_t>(layer_.lwq.vmax));
  if (keeps_latent(layer_.rule.optimizer)) scalar("moved", static_cast<std::uint32_t>(layer_.lwq.moved));
  if (tools_.accumulates() && tools_.micro_batch.last) scalar("unit_dw_mean", word(layer_.dw_mean.unit));
  if (tools_.chain) return;
  scalar("unit_dw", word(layer_.dw_unit));
  if (layer_.node.bias) scalar("unit_db", word(layer_.db_unit));
}

void LayerRecorder::counts() {
  const SaturationCounts& of = layer_.counts;
  if (!layer_.reads_input()) scalar("xsat", counter(of.x));
  scalar("wsat", counter(of.w));
  scalar("dsat", counter(of.d));
  scalar("zsat", counter(of.z));
  if (tools_.chain) scalar("d_rawsat", 0);
  scalar("dwsat", counter(of.dw));
  scalar("msat", counter(of.master));
  scalar("vsat", counter(of.momentum));
  if (tools_.accumulates()) scalar("bufsat", counter(of.buffer));
  if (!layer_.node.bias) return;
  scalar("b_accsat", counter(of.b_acc));
  scalar("dbsat", counter(of.db));
  scalar("bsat", counter(of.bias));
  scalar("bvsat", counter(of.bias_momentum));
}

}  // namespace

void record_layer(const GoldenLayer& layer, const GoldenTools& tools, StepRecord& record) {
  LayerRecorder(layer, tools, record).run();
}

void record_state(const StateSchema& schema, const TrainState& state, StepRecord& record) {
  for (const StateTensor& tensor : schema.tensors) {
    NamedTensor all{tensor.rows, tensor.cols, tensor.record_bits(), tensor.read(state),
                    tensor.is_unsigned() ? CodeKind::kUnsigned : CodeKind::kSigned};
    if (tensor.row_names.empty()) {
      record.tensors[tensor.name] = std::move(all);
      continue;
    }
    for (std::size_t row = 0; row < tensor.row_names.size(); ++row) {
      const auto first = all.values.begin() + static_cast<std::ptrdiff_t>(row) * tensor.cols;
      record.tensors[tensor.row_names[row]] = {1, tensor.cols, all.bits, {first, first + tensor.cols}, all.kind};
    }
  }
  for (const StateScalar& scalar : schema.scalars) {
    if (scalar.used) record.scalars[scalar.name] = scalar.read(state);
  }
}

NamedTensor named(const RawTensor& tensor) {
  return {static_cast<int>(tensor.rows), static_cast<int>(tensor.cols), 32, tensor.data};
}

std::uint32_t counter(std::uint64_t count) {
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(count, std::numeric_limits<std::uint32_t>::max()));
}

}  // namespace bitloom
