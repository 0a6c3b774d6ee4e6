#include "model/golden/record.hpp"

#include <algorithm>
#include <limits>

#include "model/golden/quantizer.hpp"
#include "model/golden/store.hpp"

namespace bitloom {
namespace {

void record_codes(const GoldenLayer& layer, LayerRecord& record) {
  const std::size_t view_rows = layer.x.size() / static_cast<std::size_t>(layer.node.conv.in);
  record.put(StepTensor::kX, view_rows, layer.x_form.bits, layer.x, layer.x_form.kind);
  record.put(StepTensor::kW, layer.depth(), layer.w_form.bits, layer.w, layer.w_form.kind);
  record.put(StepTensor::kXMask, view_rows, 1, layer.x_mask, CodeKind::kUnsigned);
  record.put(StepTensor::kWMask, layer.depth(), 1, layer.w_mask, CodeKind::kUnsigned);
}

void record_gradients(const GoldenLayer& layer, const GoldenTools& tools, LayerRecord& record) {
  record.put(StepTensor::kDw, layer.depth(), 32, layer.dw);
  if (tools.accumulates() && tools.micro_batch.last)
    record.put(StepTensor::kDwMean, layer.depth(), 32, layer.dw_mean.data);
  if (!layer.node.bias) return;
  record.put(StepTensor::kBAcc, 1, 32, layer.b_acc);
  record.put(StepTensor::kDb, 1, 32, layer.db);
}

void record_scales(const GoldenLayer& layer, const GoldenTools& tools, LayerRecord& record) {
  record.scalar(StepScalar::kSx, word(layer.sx));
  record.scalar(StepScalar::kSw, word(layer.sw));
  record.scalar(StepScalar::kSd, word(layer.sd));
  record.scalar(StepScalar::kSAcc, word(layer.s_acc));
  if (layer.node.bias) record.scalar(StepScalar::kRatioB, word(layer.ratio_b));
  golden_store(layer.rule.store).record(layer.updated, tools, record);
  if (tools.accumulates() && tools.micro_batch.last) record.scalar(StepScalar::kUnitDwMean, word(layer.dw_mean.unit));
  record.scalar(StepScalar::kUnitDw, word(layer.dw_unit));
  if (layer.node.bias) record.scalar(StepScalar::kUnitDb, word(layer.db_unit));
}

void record_counts(const GoldenLayer& layer, const GoldenTools& tools, LayerRecord& record) {
  const SaturationCounts& of = layer.counts;
  if (!layer.reads_input()) record.scalar(StepScalar::kXSat, counter(of.x));
  record.scalar(StepScalar::kWSat, counter(of.w));
  record.scalar(StepScalar::kDSat, counter(of.d));
  record.scalar(StepScalar::kZSat, counter(of.z));
  record.scalar(StepScalar::kDwSat, counter(of.dw));
  record.scalar(StepScalar::kMSat, counter(of.master));
  record.scalar(StepScalar::kVSat, counter(of.momentum));
  if (tools.accumulates()) record.scalar(StepScalar::kBufSat, counter(of.buffer));
  if (!layer.node.bias) return;
  record.scalar(StepScalar::kBAccSat, counter(of.b_acc));
  record.scalar(StepScalar::kDbSat, counter(of.db));
  record.scalar(StepScalar::kBSat, counter(of.bias));
  record.scalar(StepScalar::kBVSat, counter(of.bias_momentum));
}

}  // namespace

void record_layer(const GoldenLayer& layer, const GoldenTools& tools, StepRecord& record) {
  LayerRecord to(layer.node.source, record);
  record_codes(layer, to);
  golden_quantizer(layer.rule.weight.quantizer).record_weights(layer, to);
  golden_quantizer(layer.rule.gradient.quantizer).record_gradient(layer, tools, to);
  record_gradients(layer, tools, to);
  record_scales(layer, tools, to);
  record_counts(layer, tools, to);
}

void record_state(const StateSchema& schema, const TrainState& state, StepRecord& record) {
  for (const StateTensor& tensor : schema.tensors) {
    NamedTensor all{tensor.rows, tensor.cols, tensor.record_bits(), tensor.read(state),
                    tensor.is_unsigned() ? CodeKind::kUnsigned : CodeKind::kSigned};
    if (tensor.recorded_rows.empty()) {
      record.tensors[tensor.handle] = std::move(all);
      continue;
    }
    for (std::size_t row = 0; row < tensor.recorded_rows.size(); ++row) {
      const auto first = all.values.begin() + static_cast<std::ptrdiff_t>(row) * tensor.cols;
      record.tensors[tensor.recorded_rows[row]] = {1, tensor.cols, all.bits, {first, first + tensor.cols}, all.kind};
    }
  }
  for (const StateScalar& scalar : schema.scalars) {
    if (scalar.used) record.scalars[scalar.handle] = scalar.read(state);
  }
}

void LayerRecord::words(const What<StepTensor>& what, const std::vector<Real>& values) {
  std::vector<std::int32_t> of_values;
  for (const Real value : values) of_values.push_back(static_cast<std::int32_t>(value.word()));
  put(what, 1, 32, of_values);
}

NamedTensor named(const RawTensor& tensor) {
  return {static_cast<int>(tensor.rows), static_cast<int>(tensor.cols), tensor.bits, tensor.data};
}

std::uint32_t counter(std::uint64_t count) {
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(count, std::numeric_limits<std::uint32_t>::max()));
}

}  // namespace bitloom
