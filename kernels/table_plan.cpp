#include "kernels/table_plan.hpp"

#include <fmt/format.h>

#include "model/error.hpp"
#include "model/numbers.hpp"

namespace bitloom {

TablePlan::TablePlan(const StepPlan& plan) {
  add("unit.zero");
  add("scale_sat");
  const UpdateRule& update = plan.recipe.update;
  add_constant("unit.master", word(power_of_two(update.master_frac_bits)));
  add_constant("unit.momentum", word(power_of_two(update.momentum_frac_bits)));
  add_constant("unit.bias", word(power_of_two(update.bias_frac_bits)));
  add_constant("unit.log2e", word(kLog2E));
  add_constant("unit.two_to_minus16", word(kTwoToMinus16));
  add_constant("unit.batch", word(from_integer(static_cast<std::uint32_t>(plan.batch))));
  for (const char* name : {"tmp.unit", "tmp.ratio", "tmp.ratio_w", "tmp.step", "tmp.loss_unit"}) add(name);
  add_statistics("loss", {"loss", "correct", ""});
  for (int l = 0; l < plan.layers(); ++l) add_layer(plan, l);
  size_ = static_cast<int>(round_up(size_, plan.hardware.lanes()));
  if (size_ > plan.hardware.table_words) {
    throw Error(fmt::format("hardware {}: network {}: the table is too small: needs {} entries, has {} (table_words)",
                            plan.hardware.name, plan.network, size_, plan.hardware.table_words));
  }
}

int TablePlan::at(const std::string& name) const {
  const auto found = entries_.find(name);
  if (found == entries_.end()) throw Error("table: no entry " + name);
  return found->second;
}

int TablePlan::statistics(const std::string& group) const {
  const auto found = statistics_.find(group);
  if (found == statistics_.end()) throw Error("table: no statistics of " + group);
  return found->second;
}

int TablePlan::add(const std::string& name) {
  entries_[name] = size_;
  return size_++;
}

void TablePlan::add_constant(const std::string& name, std::uint32_t word) { constants_[add(name)] = word; }

void TablePlan::add_statistics(const std::string& group, const Three& names) {
  statistics_[group] = size_;
  for (const std::string& name : {names.first, names.second, names.third}) {
    if (name.empty()) {
      ++size_;
    } else {
      add(name);
    }
  }
}

void TablePlan::add_layer(const StepPlan& plan, int l) {
  for (const char* what : {"sx", "sw", "sd", "s_acc"}) add(plan.name(l, what));
  if (plan.layer(l).bias) add(plan.name(l, "ratio_b"));
  if (l > 0 && !plan.exact_x()) add(plan.name(l, "sx_next"));
  if (!plan.exact_d()) add(plan.name(l, "sd_next"));
  add_statistics_of(plan, l);
}

void TablePlan::add_statistics_of(const StepPlan& plan, int l) {
  const auto name = [&](const char* what) { return plan.name(l, what); };
  const bool last = l + 1 == plan.layers();
  const std::string xsat = last ? "" : plan.name(l + 1, "xsat");
  add_statistics(name("update"), {name("wmax"), name("msat"), name("vsat")});
  add_statistics(name("weights"), {"", name("wsat"), ""});
  if (plan.layer(l).bias) {
    add_statistics(name("bias"), {"", name("b_accsat"), ""});
    add_statistics(name("bias_update"), {"", name("bsat"), name("bvsat")});
  }
  add_statistics(name("forward"), {name("zmax"), plan.exact_x() ? "" : xsat, name("zsat")});
  if (!last && plan.exact_x()) add_statistics(name("quantize_x"), {"", xsat, ""});
  add_statistics(name("gradient"), {name("dmax"), plan.exact_d() ? "" : name("dsat"), name("d_rawsat")});
  if (plan.exact_d()) add_statistics(name("quantize_d"), {"", name("dsat"), ""});
  add_statistics(name("wgrad"), {"", "", name("dwsat")});
}

}  // namespace bitloom
