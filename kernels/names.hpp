#pragma once
#include <string>
#include <utility>
#include <variant>

#include "model/golden/handle.hpp"
#include "model/golden/memory_kind.hpp"

namespace bitloom {

/// Declares that a tensor or a table entry is the accelerator's own, which golden does not record: parts of sums,
/// coefficients, statistics that only the next command reads, what the host writes.
struct Own {
  explicit Own(std::string the_name, MemoryKind the_kind = MemoryKind::kOther)
      : name(std::move(the_name)), kind(the_kind) {}
  std::string name;
  MemoryKind kind;  ///< of a tensor; what a scalar program makes for each channel, column or sample is kOther

  auto operator<=>(const Own&) const = default;
};

/// Says what a tensor in memory is: one of golden's record, which the comparison joins it with, or an own one.
using TensorName = std::variant<TensorHandle, Own>;
/// The same of a table entry. The first alternative is an entry that nobody reads.
using EntryName = std::variant<std::monostate, ScalarHandle, Own>;
inline const EntryName kUnread;

/// Returns the kind of memory that a tensor is.
MemoryKind kind_of(const TensorName& name);

/// Returns the name as listings and messages have it.
std::string text_of(const TensorName& name, const Network& network);
std::string text_of(const EntryName& name, const Network& network);

}  // namespace bitloom
