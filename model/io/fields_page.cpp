#include "model/io/fields_page.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace bitloom {

namespace {

constexpr std::size_t kColumns = 120;

/// Counts columns on a terminal: bytes that begin a character of UTF-8.
std::size_t columns_of(const std::string& text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U; }));
}

std::string rule_text(const std::string& rule) { return rule.empty() ? "" : fmt::format(" Rule {}.", rule); }

std::string word_text(const FieldChoice& choice) {
  return wrapped(fmt::format("  - `\"{}\"`: {}{}", choice.word, choice.meaning, rule_text(choice.rule)), kColumns,
                 "    ");
}

void collect(const FileSection& section, std::vector<const FileSection*>& into) {
  if (std::ranges::find(into, &section) != into.end()) return;
  into.push_back(&section);
  for (const FileField& field : section.fields) {
    if (field.section != nullptr) collect(*field.section, into);
  }
}

}  // namespace

std::string wrapped(const std::string& text, std::size_t columns, const std::string& indent) {
  std::string result;
  std::string line;
  std::size_t at = text.find_first_not_of(' ');
  line = text.substr(0, at);
  bool fresh = true;
  while (at < text.size()) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    const std::string word = text.substr(at, end - at);
    if (!fresh && columns_of(line) + 1 + columns_of(word) > columns) {
      result += line + "\n";
      line = indent;
      fresh = true;
    }
    line += (fresh ? "" : " ") + word;
    fresh = false;
    at = end == text.size() ? end : text.find_first_not_of(' ', end);
  }
  return result + line + "\n";
}

std::string field_text(const FileField& field) {
  const std::string name = field.key == "*" ? "any name" : fmt::format("`{}`", field.key);
  std::string text = fmt::format("- **{}**: {}", name, values_text(field));
  if (!field.unit.empty()) text += fmt::format(" ({})", field.unit);
  text += ". " + field.meaning;
  if (field.section != nullptr) text += fmt::format(" See {}.", field.section->name);
  if (!field.limit.empty()) text += " " + field.limit;
  if (!field.when.empty()) text += fmt::format(" Only {}.", condition_text(field));
  if (!field.fallback.empty()) text += fmt::format(" Default: {}.", field.fallback);
  if (field.optional && field.fallback.empty()) text += " May be absent.";
  text = wrapped(text + rule_text(field.rule), kColumns, "  ");
  for (const FieldChoice& choice : field.choices) text += word_text(choice);
  return text;
}

std::string section_text(const FileSection& section, const std::string& heading) {
  std::string text = fmt::format("{} {}\n\n{}\n", heading, section.name, wrapped(section.meaning, kColumns, ""));
  for (const FileField& field : section.fields) text += field_text(field);
  return text;
}

std::string reference_page(const FileSection& file, const std::string& title) {
  std::string text = fmt::format("# {}\n\n", title);
  text +=
      wrapped(fmt::format("This page is printed by `bitloom explain {0}`; a test holds it to that. `bitloom explain "
                          "--schema {0}` prints the same as JSON Schema for editors. Every key that is not said to "
                          "be absent or to have a default must be given; an unknown one is refused.",
                          file.name),
              kColumns, "");
  std::vector<const FileSection*> sections;
  collect(file, sections);
  for (const FileSection* section : sections) text += "\n" + section_text(*section, "##");
  return text;
}

}  // namespace bitloom
