#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "model/io/error.hpp"

namespace bitloom {

/// The types of elements that arrays may have here.
enum class NpyType { kInt8, kUint8, kInt16, kUint16, kInt32, kInt64, kFloat32 };

template <class T>
struct NpyTypeOf;
template <>
struct NpyTypeOf<std::int8_t> {
  static constexpr NpyType value = NpyType::kInt8;
};
template <>
struct NpyTypeOf<std::uint8_t> {
  static constexpr NpyType value = NpyType::kUint8;
};
template <>
struct NpyTypeOf<std::int16_t> {
  static constexpr NpyType value = NpyType::kInt16;
};
template <>
struct NpyTypeOf<std::uint16_t> {
  static constexpr NpyType value = NpyType::kUint16;
};
template <>
struct NpyTypeOf<std::int32_t> {
  static constexpr NpyType value = NpyType::kInt32;
};
template <>
struct NpyTypeOf<std::int64_t> {
  static constexpr NpyType value = NpyType::kInt64;
};
template <>
struct NpyTypeOf<float> {
  static constexpr NpyType value = NpyType::kFloat32;
};

/// Returns the number of bytes of one element.
std::size_t npy_size(NpyType type);
/// Returns NumPy's name of the type, for example "<i4".
const char* npy_descr(NpyType type);

/// An array as NumPy's format holds it: little-endian, C order.
struct NpyArray {
  NpyType type = NpyType::kInt8;
  std::vector<std::int64_t> shape;
  std::vector<std::byte> bytes;

  std::int64_t count() const {
    std::int64_t product = 1;
    for (const std::int64_t extent : shape) product *= extent;
    return product;
  }
};

/// Copies values into an array; throws Error when their number is not the product of the shape.
template <class T>
NpyArray npy_from(std::vector<std::int64_t> shape, std::span<const T> values) {
  NpyArray array{NpyTypeOf<T>::value, std::move(shape), {}};
  if (array.count() != static_cast<std::int64_t>(values.size())) throw Error("npy: shape and element count differ");
  array.bytes.resize(values.size_bytes());
  if (!values.empty()) std::memcpy(array.bytes.data(), values.data(), values.size_bytes());
  return array;
}

/// Returns the values of an array of exactly this type; throws Error (with `name`) for another type.
template <class T>
std::vector<T> npy_values(const NpyArray& array, const std::string& name) {
  if (array.type != NpyTypeOf<T>::value) {
    throw Error(name + ": expected elements of type " + npy_descr(NpyTypeOf<T>::value) + ", got " +
                npy_descr(array.type));
  }
  std::vector<T> values(array.bytes.size() / sizeof(T));
  if (!values.empty()) std::memcpy(values.data(), array.bytes.data(), array.bytes.size());
  return values;
}

/// Makes the content of a .npy file, format version 1.0.
std::vector<std::byte> encode_npy(const NpyArray& array);
/// Reads such content; `name` stands for the file in messages. Throws Error on any other version, type or order, and on
/// truncated or extra bytes.
NpyArray decode_npy(std::span<const std::byte> content, const std::string& name);

/// Write and read such a file. Throw Error naming it.
void write_npy(const std::string& file, const NpyArray& array);
NpyArray read_npy(const std::string& file);

}  // namespace bitloom
