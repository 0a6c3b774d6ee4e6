// How the primitives of FP32 call oneDNN. Included by their sources only.
#pragma once
#include <fmt/format.h>

#include <cstdint>
#include <dnnl.hpp>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include "model/io/error.hpp"
#include "model/network/network.hpp"
#include "model/rows/onednn.hpp"

namespace bitloom::fp32::onednn {

using dnnl::memory;
using Dims = memory::dims;
using Arguments = std::unordered_map<int, memory>;

inline constexpr auto kFloat = memory::data_type::f32;
inline constexpr auto kAny = memory::format_tag::any;

/// Returns the engine of all primitives, made at the first call.
inline const dnnl::engine& cpu() {
  static const dnnl::engine engine = [] {
    limit_onednn();
    return dnnl::engine(dnnl::engine::kind::cpu, 0);
  }();
  return engine;
}

/// Returns a memory at `data`; oneDNN does not write through the arguments that it reads.
inline memory at(const memory::desc& desc, const void* data) { return {desc, cpu(), const_cast<void*>(data)}; }

/// Returns the scratchpad, of `bytes`, of this thread. A part of the batch is the parallel work, so each thread keeps
/// the one that its primitives need.
inline void* thread_scratch(std::size_t bytes) {
  constexpr std::size_t kAlignment = 64;
  thread_local std::vector<std::uint8_t> buffer;
  if (buffer.size() < bytes + kAlignment) buffer.resize(bytes + kAlignment);
  void* start = buffer.data();
  std::size_t space = buffer.size();
  return std::align(kAlignment, bytes, start, space);
}

/// Runs a primitive; returns false where oneDNN reports an error.
inline bool run(const dnnl::primitive& primitive, const memory::desc& scratch, Arguments arguments) {
  try {
    if (scratch.get_size() > 0) arguments.emplace(DNNL_ARG_SCRATCHPAD, at(scratch, thread_scratch(scratch.get_size())));
    dnnl::stream stream(cpu());
    primitive.execute(stream, arguments);
    stream.wait();
    return true;
  } catch (const dnnl::error&) {
    return false;
  }
}

/// Returns the attributes of a primitive that takes its scratchpad from us.
inline dnnl::primitive_attr own_scratch() {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attributes;
}

/// Describes images [sample][row][column][channel]; `shape` is {channels, rows, columns}.
inline memory::desc image_desc(int samples, const Shape& shape) {
  return {{samples, shape[0], shape[1], shape[2]}, kFloat, memory::format_tag::nhwc};
}

inline Dims dims(const Pair& pair) { return {pair.rows, pair.cols}; }

/// Returns how many windows lie along one direction.
inline int windows(int extent, int kernel, int stride, int padding, int dilation) {
  return (extent + 2 * padding - dilation * (kernel - 1) - 1) / stride + 1;
}

/// Returns what `make` makes; throws Error with `what` in its text where oneDNN refuses.
template <class Make>
auto make_or_throw(const char* what, const Make& make) {
  try {
    return make();
  } catch (const dnnl::error& error) {
    throw Error(fmt::format("oneDNN: {}: {}", what, error.what()));
  }
}

}  // namespace bitloom::fp32::onednn
