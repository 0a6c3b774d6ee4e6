#include "model/network/network.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "model/io/error.hpp"
#include "model/network/network_layers.hpp"
#include "model/network/node_order.hpp"

namespace bitloom {

namespace {

// Names become file names and tensor names.
void check_name(const FieldReader& json, const std::string& name) {
  const bool allowed = !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
  if (!allowed) json.fail("name", fmt::format("expected letters, digits, '_' and '-' only, got \"{}\"", name));
}

std::vector<int> read_inputs(const FieldReader& json, const std::map<std::string, int>& known) {
  if (!json.has("inputs")) return {static_cast<int>(known.size()) - 2};  // the node before; kNetworkInput for the first
  std::vector<int> inputs;
  for (const std::string& name : json.list<std::string>("inputs")) {
    const auto found = known.find(name);
    if (found == known.end()) {
      json.fail("inputs", fmt::format("expected \"input\" or the name of a layer above, got \"{}\"", name));
    }
    inputs.push_back(found->second);
  }
  return inputs;
}

// A result that nothing reads is either the network's end or a mistake.
void check_ends(const FieldReader& json, const Network& network) {
  std::vector<bool> used(network.nodes.size(), false);
  for (const Node& node : network.nodes) {
    for (const int input : node.inputs) {
      if (input != kNetworkInput) used[static_cast<std::size_t>(input)] = true;
    }
  }
  for (std::size_t i = 0; i + 1 < network.nodes.size(); ++i) {
    if (!used[i]) json.fail(fmt::format("layers[{}]", i), fmt::format("nothing reads \"{}\"", network.nodes[i].name));
  }
}

}  // namespace

std::int64_t element_count(const Shape& shape) {
  std::int64_t product = 1;
  for (const int extent : shape) product *= extent;
  return product;
}

Network read_network(const std::string& file) { return read_network(JsonObject::from_file(file)); }

Network read_network(const JsonObject& object) {
  const FieldReader json(object, network_fields());
  Network network;
  network.name = json.get<std::string>("name");
  if (json.has("batch")) network.batch = json.get<int>("batch");
  check_name(json, network.name);
  network.input = json.list<int>("input");
  if (network.input.empty() || network.input.size() > 4) json.fail("input", "expected 1 to 4 extents");
  if (element_count(network.input) > kMaxElements)
    json.fail("input", fmt::format("expected at most {} elements", kMaxElements));

  std::map<std::string, int> known{{"input", kNetworkInput}};
  for (const FieldReader& layer : json.objects("layers")) {
    Node node;
    node.name = layer.get<std::string>("name");
    check_name(layer, node.name);
    node.op = read_op(layer);
    node.inputs = read_inputs(layer, known);
    read_layer(layer, network, node);
    if (!known.emplace(node.name, static_cast<int>(network.nodes.size())).second) {
      layer.fail("name", fmt::format("\"{}\" is already taken", node.name));
    }
    network.nodes.push_back(std::move(node));
  }
  if (network.nodes.empty()) json.fail("layers", "expected at least one layer");
  check_ends(json, network);
  return in_node_order(std::move(network));
}

}  // namespace bitloom
