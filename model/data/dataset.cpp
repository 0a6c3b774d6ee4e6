#include "model/data/dataset.hpp"

#include <fmt/format.h>

#include "model/io/error.hpp"

namespace bitloom {

namespace {

Dataset part_of(const Dataset& data, std::int64_t first, std::int64_t last, const char* suffix) {
  Dataset part{data.name + suffix, data.rows, data.cols, data.classes, {}, {}, data.channels};
  part.images.assign(data.images.begin() + first * data.pixels(), data.images.begin() + last * data.pixels());
  part.labels.assign(data.labels.begin() + first, data.labels.begin() + last);
  return part;
}

std::string size_text(const Dataset& data) {
  return data.channels == 1 ? fmt::format("{}×{}", data.rows, data.cols)
                            : fmt::format("{}×{} in {} channels", data.rows, data.cols, data.channels);
}

}  // namespace

DataPair hold_out(const Dataset& train, std::int64_t count) {
  if (count < 1 || count >= train.size()) {
    throw Error(fmt::format("{}: hold-out: expected 1 to {} images, got {}", train.name, train.size() - 1, count));
  }
  const std::int64_t kept = train.size() - count;
  return {part_of(train, 0, kept, " without the held-out images"), part_of(train, kept, train.size(), " held out")};
}

void require_fit(const Network& network, const Dataset& data) {
  if (element_count(network.input) != data.pixels()) {
    throw Error(fmt::format("{}: images of {} pixels ({}), but network {} expects {} inputs", data.name, data.pixels(),
                            size_text(data), network.name, element_count(network.input)));
  }
  if (network.input.size() == 3 && network.input != Shape{data.channels, data.rows, data.cols}) {
    throw Error(fmt::format("{}: images of {}, but network {} expects {} rows, {} columns and {} channel(s)", data.name,
                            size_text(data), network.name, network.input[1], network.input[2], network.input[0]));
  }
  if (network.nodes.empty() || element_count(network.nodes.back().shape) < data.classes) {
    throw Error(fmt::format("{}: {} classes, but network {} has {} outputs", data.name, data.classes, network.name,
                            network.nodes.empty() ? 0 : element_count(network.nodes.back().shape)));
  }
}

}  // namespace bitloom
