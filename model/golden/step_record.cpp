#include "model/golden/step_record.hpp"

#include <nlohmann/json.hpp>
#include <span>

#include "model/io/npy.hpp"
#include "model/io/output_file.hpp"

namespace bitloom {
namespace {

template <class T>
NpyArray narrowed(const NamedTensor& tensor) {
  std::vector<T> values;
  values.reserve(tensor.values.size());
  for (const std::int32_t value : tensor.values) values.push_back(static_cast<T>(value));
  return npy_from<T>({tensor.rows, tensor.cols}, std::span<const T>(values));
}

NpyArray to_npy(const NamedTensor& tensor) {
  if (tensor.bits <= 8) return narrowed<std::int8_t>(tensor);
  if (tensor.bits <= 16) return narrowed<std::int16_t>(tensor);
  return narrowed<std::int32_t>(tensor);
}

}  // namespace

void write_step_record(const StepRecord& record, const Network& network, const std::string& folder) {
  require_writable_folder(folder);
  for (const auto& [handle, tensor] : record.tensors) {
    write_npy(folder + "/" + name_of(handle, network) + ".npy", to_npy(tensor));
  }
  nlohmann::json scalars = nlohmann::json::object();
  for (const auto& [handle, value] : record.scalars) scalars[name_of(handle, network)] = value;
  write_file(folder + "/scalars.json", scalars.dump(2) + "\n");
}

}  // namespace bitloom
