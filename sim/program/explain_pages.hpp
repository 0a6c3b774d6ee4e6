#pragma once
#include <string>
#include <vector>

namespace bitloom::program {

/// Says whether a word is a number of a rule of the numerics, such as N9 or N23.6.
bool is_rule(const std::string& word);
/// Returns the text of a rule from docs/numerics, or of its whole family; empty when there is no such rule.
std::string rule_page(const std::string& rule);

/// Returns the row of docs/units.md for a unit, named as there (in any case) or by one of its files; empty when there
/// is none.
std::string unit_page(const std::string& word);
/// Returns the names of all units.
std::vector<std::string> unit_names();

}  // namespace bitloom::program
