// Records of steps by the names of their tensors and scalars, as tests look into them.
#pragma once
#include <map>
#include <string>

#include "model/golden/step_record.hpp"

namespace bitloom {

struct NamedRecord {
  std::map<std::string, NamedTensor> tensors;
  std::map<std::string, std::uint32_t> scalars;
};

/// Returns the record of a step of `network` by names.
inline NamedRecord by_name(const StepRecord& record, const Network& network) {
  NamedRecord named;
  for (const auto& [handle, tensor] : record.tensors) named.tensors[name_of(handle, network)] = tensor;
  for (const auto& [handle, value] : record.scalars) named.scalars[name_of(handle, network)] = value;
  return named;
}

/// Stands for the record in the call of a step; when the call is over, `to` has it by names.
class ByName {
 public:
  ByName(NamedRecord& to, const Network& network) : to_(to), network_(network) {}
  ByName(const ByName&) = delete;
  ByName& operator=(const ByName&) = delete;
  ~ByName() { to_ = by_name(record_, network_); }
  operator StepRecord*() { return &record_; }

 private:
  NamedRecord& to_;
  const Network& network_;
  StepRecord record_;
};

}  // namespace bitloom
