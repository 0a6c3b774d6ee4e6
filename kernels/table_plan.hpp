#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "kernels/hardware.hpp"
#include "kernels/names.hpp"

namespace bitloom {

/// Index in table T.
using Entry = int;

inline constexpr Entry kTableZero = 0;              ///< stays 0
inline constexpr Entry kTableScaleSaturations = 1;  ///< N2.1

/// Who lives where in table T: a page of named entries and constants from T[0] on, which is loaded at the start of a
/// step and stored at its end, and temporary entries behind it.
///
/// The page's size must be known when the first command is made, but constants turn up on the way: a first lowering
/// fills a plan, freeze() fixes it, and a second lowering with the frozen plan is the one that counts.
class TablePlan {
 public:
  TablePlan(const Hardware& hardware, const Network& network);

  /// Returns the entry of that name, made at its first use. Throws Error for a new name in a frozen plan.
  Entry named(const EntryName& name);
  /// Returns the first of the entries names[0], names[1], …, which lie one behind the other: STAT and its followers.
  /// The same names are the same entries.
  Entry statistics(const std::vector<EntryName>& names);
  /// Returns an entry that holds this word from the first step on.
  Entry constant(std::uint32_t word);
  /// Returns `count` temporary entries, valid until release() of an earlier mark. Throws Error where no command reaches
  /// them.
  Entry temporary(int count);
  /// Says for which part of the step entries are taken from now on, in errors.
  void at(const std::string& where) { where_ = where; }
  int mark() const { return next_temporary_; }
  void release(int mark) { next_temporary_ = mark; }
  /// Returns how many temporary entries are free.
  int free_entries() const { return words_ - next_temporary_; }

  void freeze();
  bool frozen() const { return frozen_; }
  /// Throws Error when the table of the hardware was too small.
  void require_fits() const;

  const std::map<EntryName, Entry>& names() const { return names_; }
  std::map<Entry, std::uint32_t> constants() const;
  /// Returns the number of entries of the page, a multiple of V.
  int page_entries() const { return page_; }

 private:
  Entry add(int count);
  void note_largest();
  [[noreturn]] void too_small() const;

  const Hardware& hardware_;
  const Network& network_;
  int words_;
  int lanes_;
  std::map<EntryName, Entry> names_;
  std::map<std::vector<EntryName>, Entry> groups_;
  std::map<std::uint32_t, Entry> constants_;
  int page_ = 0;
  int next_temporary_ = 0;
  int largest_ = 0;  ///< entries that were needed at once
  std::string where_, largest_at_;
  bool frozen_ = false;
};

}  // namespace bitloom
