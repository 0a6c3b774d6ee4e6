#include "sim/dram/sources.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "model/io/suggest.hpp"

namespace bitloom::dram {

namespace {

/// Returns "timing" for "timing.cl", and nothing for "timing".
std::string section_of(const std::string& figure) {
  const std::size_t dot = figure.rfind('.');
  return dot == std::string::npos ? "" : figure.substr(0, dot);
}

void add_figures(const FieldReader& section, const std::string& name, std::vector<std::string>& into) {
  for (const std::string& key : section.keys()) {
    if (key != "name") into.push_back(name + "." + key);
  }
}

/// Lists the figures that the file gives, without those that it leaves to their defaults.
std::vector<std::string> figures_of(const FieldReader& file) {
  std::vector<std::string> figures;
  for (const char* section : {"organisation", "timing"}) add_figures(file.object(section), section, figures);
  for (const FieldReader& supply : file.objects("supplies")) {
    add_figures(supply, "supplies." + supply.get<std::string>("name"), figures);
  }
  return figures;
}

/// Lists the figures and all sections that they stand in.
std::vector<std::string> names_of(const std::vector<std::string>& figures) {
  std::set<std::string> names;
  for (const std::string& figure : figures) {
    for (std::string name = figure; !name.empty(); name = section_of(name)) names.insert(name);
  }
  return {names.begin(), names.end()};
}

void check_names(const FieldReader& source, const Source& read, const std::vector<std::string>& names,
                 std::set<std::string>& seen) {
  for (const std::string& figure : read.figures) {
    if (std::ranges::find(names, figure) == names.end()) {
      source.fail("figures", fmt::format("expected a figure or section of this file, got \"{}\"{}", figure,
                                         suggestion(figure, names)));
    }
    if (!seen.insert(figure).second) source.fail("figures", fmt::format("\"{}\" has a source already", figure));
  }
  if (read.text.empty()) source.fail("text", "expected where the figures come from, got an empty string");
}

}  // namespace

const Source* source_of(const std::vector<Source>& sources, const std::string& figure) {
  for (std::string name = figure; !name.empty(); name = section_of(name)) {
    for (const Source& source : sources) {
      if (std::ranges::find(source.figures, name) != source.figures.end()) return &source;
    }
  }
  return nullptr;
}

std::vector<Source> read_sources(const FieldReader& file) {
  const std::vector<std::string> figures = figures_of(file);
  const std::vector<std::string> names = names_of(figures);
  std::set<std::string> seen;
  std::vector<Source> sources;
  for (const FieldReader& source : file.objects("sources")) {
    sources.push_back(
        {source.list<std::string>("figures"), source.get<std::string>("text"), source.get<bool>("guess")});
    check_names(source, sources.back(), names, seen);
  }
  for (const std::string& figure : figures) {
    if (source_of(sources, figure) == nullptr) file.fail("sources", fmt::format("expected a source of {}", figure));
  }
  return sources;
}

}  // namespace bitloom::dram
