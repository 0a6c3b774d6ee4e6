#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "model/golden/handle.hpp"
#include "model/golden/state_schema.hpp"
#include "model/golden/state_words.hpp"

namespace bitloom {

/// Finds one layer, or one norm, in a state, be it constant or not.
struct LayerAt {
  std::size_t layer;
  auto& operator()(auto& state) const { return state.layers[layer]; }
};
struct NormAt {
  std::size_t norm;
  auto& operator()(auto& state) const { return state.norms[norm]; }
};

/// Returns what finds a member of what `owner` finds.
template <class Owner, class Member>
auto member(const Owner& owner, Member field) {
  return [=](auto& state) -> auto& { return owner(state).*field; };
}

/// Finds a vector of one type in a state, whoever owns it.
template <class T>
class StatePart {
 public:
  template <class Get>
  explicit StatePart(const Get& get) : of_constant_(get), of_state_(get) {}
  const T& operator()(const TrainState& state) const { return of_constant_(state); }
  T& operator()(TrainState& state) const { return of_state_(state); }

 private:
  std::function<const T&(const TrainState&)> of_constant_;
  std::function<T&(TrainState&)> of_state_;
};

/// Adds what one node has of the state to a schema, or what belongs to the whole step (kWholeStep in place of a node).
class StateList {
 public:
  StateList(StateSchema& schema, const Network& network, int node) : schema_(schema), network_(network), node_(node) {}

  /// Returns the name of a checkpoint's tensor of the node.
  std::string stored(const std::string& what) const {
    return network_.nodes[static_cast<std::size_t>(node_)].name + "." + what;
  }
  TensorHandle handle(const What<StepTensor>& what) const { return {node_, what}; }

  /// Adds a tensor [rows][cols], a checkpoint's name for it being the same. `get(state)` gives the vector, for a state
  /// that is constant or not.
  template <class Get>
  StateTensor& tensor(const What<StepTensor>& what, int rows, int cols, const Get& get) {
    StateTensor& added = schema_.tensors.emplace_back(handle(what));
    added.name = added.stored = name_of(added.handle, network_);
    added.rows = rows;
    added.cols = cols;
    added.count = [get](const TrainState& state) { return state_words::count_of(get(state)); };
    added.read = [get](const TrainState& state) { return state_words::words_of(get(state)); };
    added.write = [get](TrainState& state, const state_words::Ints& words) { state_words::assign(get(state), words); };
    return added;
  }

  /// Adds integers within ±limit, in the order [K][out] of weights.
  template <class Get>
  StateTensor& weights(const What<StepTensor>& what, int rows, int cols, std::int64_t limit, const Get& get) {
    StateTensor& added = tensor(what, rows, cols, get);
    added.limits = {-limit, limit};
    added.matrix = true;
    return added;
  }

  /// Adds a scalar; `get(state)` likewise.
  template <class Get>
  StateScalar& scalar(StepScalar what, ScalarCoding coding, const Get& get) {
    StateScalar& added = schema_.scalars.emplace_back(ScalarHandle{node_, what});
    added.name = name_of(added.handle, network_);
    added.coding = coding;
    added.read = [get](const TrainState& state) { return state_words::word_of(get(state)); };
    added.write = [get](TrainState& state, std::uint32_t word) { state_words::set(get(state), word); };
    return added;
  }

 private:
  StateSchema& schema_;
  const Network& network_;
  int node_;
};

}  // namespace bitloom
