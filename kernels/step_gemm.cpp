// Forward and weight gradient GEMMs of a linear or conv2d layer, by implicit im2col (N14.2).
#include <fmt/format.h>

#include "kernels/gemm_schedule.hpp"
#include "kernels/step.hpp"
#include "model/numerics/numbers.hpp"

namespace bitloom {

namespace {

/// Returns the window of x that each output pixel reads: K elements in the order of N14.1.
View window(const Lowering& low, const Stage& stage, const LayerShape& layer, int x, int group) {
  View view{.tensor = x};
  if (layer.is_plain()) return view;
  Gather g;
  g.extent_x = stage.out.width;
  g.extent_y = stage.out.height;
  g.limit_x = stage.in.width;
  g.limit_y = stage.in.height;
  g.offset_x = -layer.conv.padding.cols;
  g.offset_y = -layer.conv.padding.rows;
  g.scale_x = layer.conv.stride.cols;
  g.scale_y = layer.conv.stride.rows;
  g.tap_x = layer.conv.dilation.cols;
  g.tap_y = layer.conv.dilation.rows;
  g.taps_x = layer.conv.kernel.cols;
  g.taps_y = layer.conv.kernel.rows;
  g.segment = layer.group_in;
  g.segment_base = group * layer.group_in;
  set_pitches(g, low.tensor(x).pitch, stage.in);
  view.gather = g;
  return view;
}

}  // namespace

/// Bias of one group to VBIAS in accumulator units (N5.1).
void Step::bias_of_group(int s, const LayerShape& layer, int group, Statistics& statistics) {
  Phase bias(low, low.bias_tiles(layer.group_out));
  bias.input({.tensor = state_tensor(s, StepTensor::kBias), .col_base = group * layer.group_out});
  Command& tile = bias.vector(Opcode::TILE).set_flag(Flag::FROM_VIN).set_flag(Flag::BIAS_OUT);
  tile.set(Field::RATIO, entry(s, StepScalar::kRatioB)).set(Field::STAT, statistics.next());
  bias.run();
  statistics.fold();
  low.leave_out({stage(s).node, StepTensor::kBAcc});
}

/// Lowers the forward pass of a layer (N5.1, N5.2, N14.2), and the codes of its one reader's x where they are made at
/// once (N6.3).
void Step::forward_layer(int s) {
  phase(s, "forward", "x · w");
  const Stage& layer_stage = stage(s);
  const LayerShape layer = shape(s);
  const int groups = layer.conv.groups;
  StageState& state = at(s);
  const Src unit = low.mul(state.x.scale, state.w.scale, entry(s, StepScalar::kSAcc));
  if (layer.conv.bias) {
    low.div(low.word_of(word(power_of_two(recipe.update.bias_frac_bits))), unit, entry(s, StepScalar::kRatioB));
  }
  const bool codes_now = layer_stage.result_at_once;
  const int reader = codes_now ? layer_stage.readers.front() : -1;
  const int rows = layer_stage.out.rows();
  const TileGrid grid = low.array_tiles(rows, layer.group_out, {.out = layer_stage.relu ? 2 : 1});
  CodeRule codes;
  int to = -1;
  if (codes_now) {
    const ViewRule& rule = stage(reader).rule.activation;
    const int bits = stage(reader).rule.width(rule);
    codes = uniform_rule(rule, bits, low.div(unit, entry(reader, StepScalar::kSx)), x_id(reader));
    to = low.layout.add(handle(reader, StepTensor::kX), bits, rows, layer.conv.out);
    at(reader).x = {to, entry(reader, StepScalar::kSx)};
    low.leave_out({stage(s).node, StepTensor::kZRaw});
  } else {
    to = add_raw(s, StepTensor::kZRaw, rows, layer.conv.out, layer_stage.raw_bits);
  }
  if (layer_stage.relu) {
    state.mask = add_mask(s, StepTensor::kMask, rows, layer.conv.out,
                          mask_bits(grid, layer_stage.out, groups == 1 ? 8 : layer.group_out));
  }
  Statistics bias_statistics(low, {kUnread, layer.conv.bias ? handle(s, StepScalar::kBAccSat) : kUnread, kUnread},
                             layer.conv.bias ? groups : 1);
  Statistics statistics(low, {handle(s, StepScalar::kZMax), codes_now ? handle(reader, StepScalar::kXSat) : kUnread,
                              handle(s, StepScalar::kZSat)});
  std::optional<RawSums> sums = codes_now ? std::nullopt : sums_of_result(s);
  for (int g = 0; g < groups; ++g) {
    if (layer.conv.bias) {
      phase(s, "bias", "bias to accumulator units");
      bias_of_group(s, layer, g, bias_statistics);
      phase(s, "forward", "x · w");
    }
    GemmJob job;
    job.a = {window(low, layer_stage, layer, state.x.tensor, g), false, state.x.expand, state.x.kind};
    job.b = {{.tensor = state.w.tensor, .col_base = g * layer.group_out}, true, state.w.expand, state.w.kind};
    job.terms = layer.depth();
    job.of_layer = true;
    for (const GemmPass& pass : gemm_passes(low, grid, rows, layer.group_out, job)) {
      Phase gemm(low, pass.grid);
      gemm.gemm(pass);
      Command& tile = gemm.vector(Opcode::TILE).set(Field::COL_BASE, pass.first_col);
      statistics.go_on(tile);
      if (layer.conv.bias) tile.set_flag(Flag::ADD_BIAS);
      if (layer_stage.relu) tile.set_flag(Flag::RELU);
      if (codes_now) {
        set_codes(tile, codes);
      } else {
        tile.set_flag(Flag::RAW_OUT).set(Field::RAW_SHIFT, layer_stage.result_shift);
      }
      if (sums) sums->sum_up(tile);
      gemm.output(pass.part({.tensor = to, .col_base = g * layer.group_out}));
      if (layer_stage.relu) {
        gemm.output(Flag::MASK_OUT, pass.part({.tensor = state.mask, .col_base = g * layer.group_out}));
      }
      gemm.run();
      if (sums && !sums->all) sums->write(low, g * layer.group_out + pass.first_col, pass.cols);
    }
  }
  if (sums && sums->all) sums->write(low, 0, 1);
  state.raw = {codes_now ? -1 : to, unit, entry(s, StepScalar::kZMax)};
  if (layer_stage.result_shift > 0) {
    state.raw.unit = own_entry(s, "zunit");
    shift_unit(unit, layer_stage.result_shift, state.raw.unit.entry);
  }
  if (codes_now) {
    const int q = codes.limit;
    low.max_to_scale(entry(s, StepScalar::kZMax), unit, q, entry(reader, StepScalar::kSxNext),
                     Src(entry(reader, StepScalar::kSx)));
  }
}

/// Describes one group's x · d, reduced over the pixels: x gathered and transposed (N5.4, N14.2).
GemmJob Step::weight_gradient_job(int s, const LayerShape& layer, int group, const Codes& d) const {
  const Stage& of = stage(s);
  GemmJob job;
  job.a = {window(low, of, layer, at(s).x.tensor, group), true, at(s).x.expand, at(s).x.kind};
  job.b = {{.tensor = d.tensor, .col_base = group * layer.group_out}, true, d.expand, d.kind};
  job.terms = of.out.rows();
  job.of_layer = true;
  return job;
}

/// Makes dw [K][O] of one set of d codes, 0 where `mask` is, and its statistics.
void Step::weight_gradient_phases(int s, const Codes& d, int to, int mask, const std::vector<EntryName>& names) {
  const LayerShape layer = shape(s);
  const TileGrid grid = low.array_tiles(layer.depth(), layer.group_out, {.in = mask < 0 ? 0 : 1, .out = 1});
  Statistics statistics(low, names);
  for (int g = 0; g < layer.conv.groups; ++g) {
    const GemmJob job = weight_gradient_job(s, layer, g, d);
    for (const GemmPass& pass : gemm_passes(low, grid, layer.depth(), layer.group_out, job)) {
      const auto part = [&](int tensor) {
        return pass.part({.tensor = tensor, .col_base = g * layer.group_out}, low.tensor(tensor).pitch);
      };
      Phase gemm(low, pass.grid);
      gemm.gemm(pass);
      if (mask >= 0) gemm.input(part(mask), Expand::UNSIGNED);
      Command& tile = gemm.vector(Opcode::TILE);
      statistics.go_on(tile);
      if (mask >= 0) tile.set_flag(Flag::MASK_IN);
      gemm.output(Flag::RAW_OUT, part(to));
      gemm.run();
    }
  }
}

/// Makes db [1][O], by a GEMM with a constant one in the place of x.
void Step::bias_gradient_phase(int s, const Codes& d, int to, Entry statistics) {
  const int out = shape(s).conv.out;
  Phase gemm(low, low.array_tiles(1, out, {.out = 1}));
  GemmJob job;
  job.a = {{.tensor = ones(), .pitch = 0}, true, Expand::SIGNED, Kind::SIGNED};
  job.b = {{.tensor = d.tensor}, true, d.expand, d.kind};
  job.terms = stage(s).out.rows();
  gemm.gemm(job);
  gemm.vector(Opcode::TILE).set(Field::STAT, statistics);
  gemm.output(Flag::RAW_OUT, {.tensor = to});
  gemm.run();
}

/// Computes u + v exactly, into `to`.
void Step::add_exactly(int u, int v, int to, Entry statistics) {
  const TensorPlacement& place = low.tensor(to);
  Phase sum(low, low.vector_tiles(place.rows, place.cols, {.in = 2, .out = 1}));
  sum.input({.tensor = u});
  sum.input({.tensor = v});
  const Src one = low.real(1);
  Command& affine = sum.vector(Opcode::AFFINE).set_flag(Flag::V_IN).set(Field::STAT, statistics);
  affine.set(Field::RATIO, one.entry).set(Field::LIMIT, one.entry);
  sum.output(Flag::RAW_OUT, {.tensor = to});
  sum.run();
}

/// Computes dw and db from one set of codes (N5.4), or from the sum over several samples of them (N19.4).
void Step::summed_weight_gradient(int s, StepTensor dw) {
  const LayerShape layer = shape(s);
  const std::vector<Codes>& samples = at(s).d_wgrad;
  const auto count = static_cast<int>(samples.size());
  const Src scale = samples.front().scale;
  const auto unit_of = [&](Src unit, StepScalar what) {
    if (count == 1) return low.copy(unit, entry(s, what));
    return low.to_scale(low.rdiv(unit, low.real(count)), entry(s, what));
  };
  const int out = layer.conv.out;
  const auto add_one_of = [&](StepTensor what, const char* kind, int i, std::int64_t rows) {
    return add_own(s, fmt::format("{}_{}{}", word_of(what), kind, i), rows, out, MemoryKind::kGradients);
  };
  const auto add_sum = [&](StepTensor what, int i, std::int64_t rows) {
    return i + 1 == count ? add_raw(s, what, rows, out) : add_one_of(what, "part", i, rows);
  };
  int sum = -1;
  for (int i = 0; i < count; ++i) {
    const bool last = i + 1 == count;
    const int part = count == 1 ? add_raw(s, dw, layer.depth(), out) : add_one_of(dw, "sample", i, layer.depth());
    weight_gradient_phases(s, samples[static_cast<std::size_t>(i)], part, at(s).w_mask,
                           {count == 1 ? own(s, "dwmax") : kUnread, kUnread,
                            count == 1 ? handle(s, StepScalar::kDwSat) : own(s, "dw_samplesat")});
    if (sum >= 0) {
      const int total = add_sum(dw, i, layer.depth());
      add_exactly(
          sum, part, total,
          last ? Statistics(low, {own(s, "dwmax"), kUnread, handle(s, StepScalar::kDwSat)}, 1).next() : Entry{0});
      sum = total;
    } else {
      sum = part;
    }
  }
  at(s).dw = {sum, unit_of(low.mul(scale, at(s).x.scale), StepScalar::kUnitDw), own_entry(s, "dwmax")};
  if (!layer.conv.bias) return;
  sum = -1;
  for (int i = 0; i < count; ++i) {
    const int part = count == 1 ? add_raw(s, StepTensor::kDb, 1, out) : add_one_of(StepTensor::kDb, "sample", i, 1);
    const Entry statistics =
        Statistics(low, {kUnread, kUnread, count == 1 ? handle(s, StepScalar::kDbSat) : own(s, "db_samplesat")}, 1)
            .next();
    bias_gradient_phase(s, samples[static_cast<std::size_t>(i)], part, statistics);
    if (sum >= 0) {
      const int total = add_sum(StepTensor::kDb, i, 1);
      add_exactly(
          sum, part, total,
          i + 1 == count ? Statistics(low, {kUnread, kUnread, handle(s, StepScalar::kDbSat)}, 1).next() : Entry{0});
      sum = total;
    } else {
      sum = part;
    }
  }
  at(s).db = {sum, unit_of(scale, StepScalar::kUnitDb), Src()};
}

void Step::weight_gradient(int s) {
  phase(s, "wgrad", "x · d");
  const bool standardizes = stage(s).rule.weight.quantizer == Quantizer::kStandardizedRoundClip;
  const StepTensor dw = standardizes ? StepTensor::kDwhatRaw : StepTensor::kDw;
  if (stage(s).rule.gradient.quantizer == Quantizer::kGroup) {
    group_weight_gradient(s, dw);
  } else {
    summed_weight_gradient(s, dw);
  }
  if (standardizes) standardized_gradient(s);
}

}  // namespace bitloom
