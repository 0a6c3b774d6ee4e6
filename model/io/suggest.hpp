#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace bitloom {

/// Counts the letters to insert, drop, replace or swap with their neighbour until `from` reads `to`; a letter counts
/// once only.
int edit_distance(std::string_view from, std::string_view to);

/// Finds the known word that a misspelt one most likely means: the nearest by edit_distance(), the first of equally
/// near ones. Empty when all need more changes than a third of the word's letters (at least one), or change them all.
std::string nearest_word(std::string_view word, const std::vector<std::string>& known);

/// Gives `; did you mean "momentum"?` for the end of an error message, or nothing when no known word is near.
std::string suggestion(std::string_view word, const std::vector<std::string>& known);

}  // namespace bitloom
