#include "kernels/names.hpp"

namespace bitloom {

MemoryKind kind_of(const TensorName& name) {
  if (const auto* handle = std::get_if<TensorHandle>(&name)) return kind_of(handle->what.value);
  return std::get<Own>(name).kind;
}

std::string text_of(const TensorName& name, const Network& network) {
  if (const auto* handle = std::get_if<TensorHandle>(&name)) return name_of(*handle, network);
  return std::get<Own>(name).name;
}

std::string text_of(const EntryName& name, const Network& network) {
  if (const auto* handle = std::get_if<ScalarHandle>(&name)) return name_of(*handle, network);
  const auto* own = std::get_if<Own>(&name);
  return own == nullptr ? "" : own->name;
}

}  // namespace bitloom
