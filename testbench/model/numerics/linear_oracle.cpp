#include "testbench/model/numerics/linear_oracle.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <vector>

namespace bitloom::testing {
namespace {

using nlohmann::json;

/// An array of a case with its elements as 64-bit integers.
struct Array {
  std::vector<std::size_t> shape;
  std::vector<std::int64_t> values;
};

template <class T>
std::vector<std::int64_t> widen(const std::string& bytes, std::size_t offset, std::size_t count) {
  if (offset + count * sizeof(T) > bytes.size()) throw std::runtime_error("oracle: array beyond the end of the file");
  std::vector<T> narrow(count);
  std::memcpy(narrow.data(), bytes.data() + offset, count * sizeof(T));
  return {narrow.begin(), narrow.end()};
}

Array read_array(const json& entry, const std::string& bytes) {
  Array array{entry.at("shape").get<std::vector<std::size_t>>(), {}};
  std::size_t count = 1;
  for (const std::size_t extent : array.shape) count *= extent;
  const auto offset = entry.at("offset").get<std::size_t>();
  const auto type = entry.at("dtype").get<std::string>();
  if (type == "int8")
    array.values = widen<std::int8_t>(bytes, offset, count);
  else if (type == "int32")
    array.values = widen<std::int32_t>(bytes, offset, count);
  else if (type == "int64")
    array.values = widen<std::int64_t>(bytes, offset, count);
  else
    throw std::runtime_error("oracle: unexpected dtype " + type);
  return array;
}

std::vector<std::int8_t> codes(const Array& array) { return {array.values.begin(), array.values.end()}; }

/// The oracle's weights are [out][in], ours [in][out].
template <class T>
std::vector<T> transposed(const std::vector<T>& values, std::size_t rows, std::size_t cols) {
  std::vector<T> result(values.size());
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t c = 0; c < cols; ++c) result[c * rows + r] = values[r * cols + c];
  }
  return result;
}

void compare(const std::string& name, const std::vector<std::int64_t>& got, const std::vector<std::int64_t>& expected,
             OracleCount& count) {
  ASSERT_EQ(got.size(), expected.size()) << name;
  for (std::size_t i = 0; i < got.size(); ++i) ASSERT_EQ(got[i], expected[i]) << name << "[" << i << "]";
  ++count.arrays;
  count.elements += static_cast<long long>(got.size());
}

void check_case(const LinearKernels& kernels, const std::string& name, const json& arrays, const std::string& bytes,
                OracleCount& count) {
  const Array x_array = read_array(arrays.at("x"), bytes);
  const Array w_array = read_array(arrays.at("w"), bytes);
  const LinearShape shape{x_array.shape.at(0), x_array.shape.at(1), w_array.shape.at(0)};
  ASSERT_EQ(w_array.shape.at(1), shape.in) << name;
  const std::vector<std::int8_t> x = codes(x_array);
  const std::vector<std::int8_t> w = transposed(codes(w_array), shape.out, shape.in);

  const Array bias = read_array(arrays.at("b"), bytes);
  std::vector<std::int64_t> y(shape.m * shape.out);
  kernels.forward(x.data(), w.data(), shape, y.data());
  for (std::size_t k = 0; k < y.size(); ++k) y[k] += bias.values[k % shape.out];
  compare(name + ".y", y, read_array(arrays.at("y"), bytes).values, count);

  if (!arrays.contains("gy")) return;  // the two accumulator-limit cases have a forward pass only
  const std::vector<std::int8_t> d = codes(read_array(arrays.at("gy"), bytes));
  std::vector<std::int64_t> dx(shape.m * shape.in);
  std::vector<std::int64_t> dw(shape.in * shape.out);
  std::vector<std::int64_t> db(shape.out);
  kernels.activation_gradient(d.data(), w.data(), shape, dx.data());
  kernels.weight_gradient(x.data(), d.data(), shape, dw.data());
  kernels.bias_gradient(d.data(), shape, db.data());
  compare(name + ".dx", dx, read_array(arrays.at("dx"), bytes).values, count);
  compare(name + ".dw", transposed(dw, shape.in, shape.out), read_array(arrays.at("dw"), bytes).values, count);
  compare(name + ".db", db, read_array(arrays.at("db"), bytes).values, count);
}

}  // namespace

OracleCount check_linear_oracle(const LinearKernels& kernels, const std::string& folder) {
  std::ifstream manifest_file(folder + "/manifest.json");
  if (!manifest_file) throw std::runtime_error(folder + "/manifest.json: cannot be read");
  const json group = json::parse(manifest_file).at("groups").at("linear_int");
  const std::string binary_name = folder + "/" + group.at("bin").get<std::string>();
  std::ifstream binary(binary_name, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(binary), std::istreambuf_iterator<char>()};
  if (bytes.size() != group.at("bytes").get<std::size_t>()) throw std::runtime_error(binary_name + ": wrong size");

  OracleCount count;
  for (const auto& [name, entry] : group.at("cases").items()) {
    if (!entry.at("arrays").contains("x")) continue;  // batched matrix products: no linear layer
    check_case(kernels, std::string(kernels.name) + " " + name, entry.at("arrays"), bytes, count);
    ++count.cases;
  }
  return count;
}

std::string committed_oracle() {
  const char* root = std::getenv("BITLOOM_SOURCE_DIR");
  return std::string(root != nullptr ? root : ".") + "/traces/oracle";
}

std::string full_oracle() {
  const char* folder = std::getenv("BITLOOM_ORACLE_DIR");
  return folder != nullptr ? folder : "";
}

}  // namespace bitloom::testing
