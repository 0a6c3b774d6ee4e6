#include "kernels/builder.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace bitloom {

namespace {

/// Stored phases whose tokens the load queue need not have taken; a counter holds kTokenMax.
constexpr int kMostStored = kTokenMax / 2;

const Token kOperandsReady = make_token(kLoadQueue, kArrayQueue, 0);
const Token kVinReady = make_token(kLoadQueue, kVectorQueue, 0);
const Token kOutReady = make_token(kVectorQueue, kStoreQueue, 0);
const Token kPhaseStored = make_token(kStoreQueue, kLoadQueue, 0, 3);

constexpr std::ptrdiff_t kOperandLoads = 2;  ///< B and A, in front of a phase's other loads

/// Levels at which a GEMM gets and frees its buffers.
struct GemmLevels {
  int a = 0, b = 0, sums = 1;
};

GemmLevels levels_of(const PhaseCommands& commands) {
  switch (commands.sums) {
    case SumLoop::NONE:
      return {1, 3, 0};
    case SumLoop::OUTER:
      return {2, 2, 3};
    case SumLoop::INNER:
      break;
  }
  return {0, static_cast<int>(commands.gemm->get(Field::PARITY1)), 1};  // B stays for a column tile where it fits
}

Token at_level(Token token, int level) { return {token.id, level}; }

bool is_target(const Command& load, LoadTarget target) {
  return load.get(Field::TARGET) == static_cast<std::uint32_t>(target);
}

bool loads_vin(const PhaseCommands& commands) {
  return std::any_of(commands.loads.begin(), commands.loads.end(),
                     [](const Command& load) { return is_target(load, LoadTarget::VIN); });
}

CommandInfo described(const CommandInfo& info, const std::string& text) {
  CommandInfo result = info;
  result.macs_a_cycle = 0;
  result.text = text;
  return result;
}

}  // namespace

Builder::Builder(Program& program)
    : program_(program),
      a_free_{kArrayQueue, kLoadQueue, 0},
      b_free_{kArrayQueue, kLoadQueue, 1},
      vin_free_{kVectorQueue, kLoadQueue, 0},
      acc_free_{kVectorQueue, kArrayQueue, 0},
      out_free_{kStoreQueue, kVectorQueue, 0} {}

int Builder::append(Command command, const CommandInfo& info) {
  const int index = static_cast<int>(program_.commands.size());
  command.set(Field::INDEX, index);
  program_.commands.push_back(command);
  program_.info.push_back(info);
  return index;
}

void Builder::append_group(std::vector<Command>& group, const CommandInfo& info) {
  group.front().set(Field::GROUP, static_cast<int>(group.size()) - 1);
  CommandInfo transfer = info;
  transfer.macs_a_cycle = 0;
  for (const Command& command : group) append(command, transfer);
}

void Builder::prime(Opcode nop, const Channels& channels, const CommandInfo& info) {
  Command command(nop);
  command.set(Field::N2, 2);
  std::string text = "prime credits";
  for (Channel* channel : channels) {
    const Token token = make_token(channel->from, channel->to, channel->channel);
    command.signal(token);
    channel->primed = true;
    text += " " + token_text(token);
  }
  append(command, described(info, text));
}

void Builder::take_back(Opcode nop, const Channels& channels, const CommandInfo& info) {
  Command command(nop);
  command.set(Field::N2, 2);
  std::string text = "take credits back";
  for (Channel* channel : channels) {
    if (!channel->primed) continue;
    const Token token = make_token(channel->from, channel->to, channel->channel);
    command.wait(token);
    channel->primed = false;
    text += " " + token_text(token);
  }
  if (!command.waits().empty()) append(command, described(info, text));
}

void Builder::take_completions(int count, const CommandInfo& info) {
  if (count <= 0) return;
  taken_ += count;
  Command command(Opcode::LOAD_NOP);
  command.set(Field::N2, count).wait(make_token(kStoreQueue, kLoadQueue, 0));
  append(command, described(info, fmt::format("wait for {} more stored phase(s)", count)));
}

void Builder::wait_for_stores(const std::vector<int>& reads, const CommandInfo& info) {
  int needed = 0;
  for (const int tensor : reads) needed = std::max(needed, ready_[tensor]);
  take_completions(needed - taken_, info);
}

void Builder::scalar(const Command& command, CommandInfo info) { scalars_.emplace_back(command, std::move(info)); }

void Builder::flush_scalars() {
  for (const auto& [command, info] : scalars_) append(command, info);
  scalars_.clear();
}

void Builder::add_loads(PhaseCommands& commands) {
  Channels used;
  if (commands.gemm) used = {&a_free_, &b_free_};
  if (loads_vin(commands)) used.push_back(&vin_free_);
  take_back(Opcode::LOAD_NOP, used, commands.info);
  wait_for_stores(commands.reads, commands.info);
  for (const Command& shape : commands.load_shapes) append(shape, described(commands.info, "shape of a load"));
  Command* first_vin = nullptr;
  Command* last_vin = nullptr;
  for (Command& load : commands.loads) {
    if (is_target(load, LoadTarget::SPAD_A)) {
      load.wait(make_token(kArrayQueue, kLoadQueue, 0)).signal(kOperandsReady);
    } else if (is_target(load, LoadTarget::SPAD_B)) {
      load.wait(make_token(kArrayQueue, kLoadQueue, 1));
    } else {
      if (first_vin == nullptr) first_vin = &load;
      last_vin = &load;
    }
  }
  if (first_vin != nullptr) {
    first_vin->wait(make_token(kVectorQueue, kLoadQueue, 0));
    last_vin->signal(kVinReady);
  }
  const bool apart = commands.gemm && commands.sums == SumLoop::OUTER;  // the inputs are of other loops
  const auto inputs = commands.loads.begin() + (apart ? kOperandLoads : 0);
  std::vector<Command> first(commands.loads.begin(), inputs), last(inputs, commands.loads.end());
  if (!first.empty()) append_group(first, commands.info);
  if (!last.empty()) append_group(last, commands.info);
}

void Builder::add_gemm(PhaseCommands& commands) {
  prime(Opcode::ARRAY_NOP, {&a_free_, &b_free_}, commands.info);
  take_back(Opcode::ARRAY_NOP, {&acc_free_}, commands.info);
  const GemmLevels level = levels_of(commands);
  commands.gemm->wait(at_level(kOperandsReady, level.a))
      .wait(make_token(kVectorQueue, kArrayQueue, 0, level.sums))
      .signal(make_token(kArrayQueue, kLoadQueue, 0, level.a))
      .signal(make_token(kArrayQueue, kLoadQueue, 1, level.b))
      .signal(make_token(kArrayQueue, kVectorQueue, 0, level.sums));
  append(*commands.gemm, commands.info);
}

void Builder::add_vector(PhaseCommands& commands) {
  const bool vin = loads_vin(commands);
  Channels freed;
  if (commands.gemm) freed.push_back(&acc_free_);
  if (vin) freed.push_back(&vin_free_);
  if (!freed.empty()) prime(Opcode::VECTOR_NOP, freed, commands.info);
  flush_scalars();
  const bool stores = !commands.stores.empty();
  if (stores) take_back(Opcode::VECTOR_NOP, {&out_free_}, commands.info);
  Command& command = *commands.vector;
  if (commands.gemm) {
    const int level = commands.sums == SumLoop::OUTER ? 3 : 0;  // the sums of all tiles come at once
    command.wait(make_token(kArrayQueue, kVectorQueue, 0, level));
    command.signal(make_token(kVectorQueue, kArrayQueue, 0, level));
  }
  if (vin) command.wait(kVinReady).signal(make_token(kVectorQueue, kLoadQueue, 0));
  if (stores) {
    command.wait(make_token(kStoreQueue, kVectorQueue, 0, commands.out_level));
    command.signal(make_token(kVectorQueue, kStoreQueue, 0, commands.out_level));
  }
  CommandInfo info = commands.info;
  info.macs_a_cycle = 0;
  append(command, info);
}

void Builder::add_stores(PhaseCommands& commands) {
  prime(Opcode::STORE_NOP, {&out_free_}, commands.info);
  for (const Command& shape : commands.store_shapes) append(shape, described(commands.info, "shape of a store"));
  commands.stores.front().wait(kOutReady);
  commands.stores.back().signal(make_token(kStoreQueue, kVectorQueue, 0)).signal(kPhaseStored);
  const int first = static_cast<int>(program_.commands.size());
  append_group(commands.stores, commands.info);
  ++stored_;
  take_completions(stored_ - taken_ - kMostStored, commands.info);
  for (const PhaseCommands::Write& write : commands.writes) {
    ready_[write.tensor] = stored_;
    program_.tensors[static_cast<std::size_t>(write.tensor)].writers.push_back(first + write.store);
  }
}

void Builder::phase(PhaseCommands commands) {
  if (!commands.loads.empty()) add_loads(commands);
  if (commands.gemm) add_gemm(commands);
  if (commands.vector) add_vector(commands);
  if (!commands.stores.empty()) add_stores(commands);
}

void Builder::finish() {
  const CommandInfo info{-1, "tables", "", 0};
  flush_scalars();
  take_back(Opcode::LOAD_NOP, {&a_free_, &b_free_, &vin_free_}, info);
  take_back(Opcode::ARRAY_NOP, {&acc_free_}, info);
  take_back(Opcode::VECTOR_NOP, {&out_free_}, info);
  take_completions(stored_ - taken_, info);
  append(Command(Opcode::END), described(info, "end"));
}

}  // namespace bitloom
