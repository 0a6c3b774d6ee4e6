#pragma once
#include <cstdint>
#include <optional>

#include "sim/load_memo.hpp"
#include "sim/load_rest.hpp"
#include "sim/read_arbiter.hpp"

namespace bitloom {

/// The read channel before a flat memory, and what LOADs that have asked leave: spelled out, or only by a number that
/// the memo has for it, or both.
class ReadState {
 public:
  ReadState(const Hardware& hardware, const Memory& memory) : arbiter_(hardware, memory) {}

  /// Becomes a copy of another state.
  void copy(const ReadState& other);
  /// Becomes what the memo has by a number, counted from an edge.
  void take(std::uint32_t rest, std::uint64_t from);
  /// Finds and returns the number of what is left at an edge, after which nothing asks before it. Nothing where the
  /// memo has no number left.
  std::optional<std::uint32_t> name(LoadMemo& memo, std::uint64_t from);
  /// Returns what a LOAD that starts at an edge starts from; nothing where that has no number.
  std::optional<LoadOrigin> origin(LoadMemo& memo, std::uint64_t start);

  /// Returns the arbiter and what is left, spelled out, and as something that may change.
  ReadArbiter& arbiter(const LoadMemo& memo);
  LoadRest& loads(const LoadMemo& memo);

 private:
  struct Name {
    std::uint32_t rest;
    std::uint64_t from;
    std::uint64_t until = 0;  ///< an edge from which on nothing is left
  };
  RestNumbers numbers(std::uint64_t from);
  void spell(const LoadMemo& memo);

  ReadArbiter arbiter_;
  LoadRest loads_;
  bool spelled_ = true;
  std::optional<Name> name_;
};

}  // namespace bitloom
