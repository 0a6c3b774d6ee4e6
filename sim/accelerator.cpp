#include "sim/accelerator.hpp"

#include "model/io/error.hpp"

namespace bitloom {

Accelerator::Accelerator(const sc_core::sc_module_name& name)
    : sc_module(name),
      commands_("commands"),
      load_("load", kLoadQueue),
      array_("array", kArrayQueue),
      vector_("vector", kVectorQueue),
      store_("store", kStoreQueue) {}

void Accelerator::run(Run& run) {
  const std::array<Sequencer*, kQueues> queues{&load_, &array_, &vector_, &store_};
  const std::uint64_t origin = sc_core::sc_time_stamp().value();
  for (Sequencer* queue : queues) queue->start(run, origin, queues, commands_);
  commands_.start(run, origin, queues);
  sc_core::sc_start();
  std::string situation;
  for (Sequencer* queue : queues) situation += (situation.empty() ? "" : "; ") + queue->situation();
  commands_.stop();
  for (Sequencer* queue : queues) queue->stop();
  if (commands_.error() != nullptr) std::rethrow_exception(commands_.error());
  if (!commands_.done()) throw Error("program: deadlock (" + situation + ")");
}

}  // namespace bitloom
