#pragma once
#include <string>
#include <utility>
#include <vector>

#include "model/io/output_place.hpp"

namespace bitloom {

/// Everything that one command reads and writes. It refuses, before anything runs, places that cannot be written and
/// outputs that would overwrite each other, an input, or what standard output is redirected to. Empty paths are "not
/// given" and ignored, and so is "-" for an output. Each function throws Error naming the options and the path.
class OutputPlan {
 public:
  OutputPlan();

  /// Notes an input file. The one output that may replace it is named by `successor`, an option ("--save" of
  /// "--resume").
  void reads(const std::string& option, const std::string& path, const std::string& successor = "");
  /// Notes a folder of inputs, which `is_input` tells by their names; other files in it may be written again.
  void reads_folder(const std::string& option, const std::string& path, bool (*is_input)(const std::string& name));

  /// Notes a document: it may go to a file, a pipe, a device or a descriptor.
  void writes(const std::string& option, const std::string& path);
  /// Notes an output that must be a regular file.
  void writes_file(const std::string& option, const std::string& path);
  /// Notes a folder for the files of a dump (.npy and scalars.json), which is made where its parent exists.
  void writes_dump(const std::string& option, const std::string& path);

 private:
  struct Named {
    std::string option;
    OutputPlace place;
    std::string successor;
  };

  void add(const std::string& option, const std::string& path);
  void refuse_meeting(const Named& output) const;
  void refuse_dumped(const Named& file) const;

  std::vector<Named> inputs_;
  std::vector<Named> outputs_;
  std::vector<Named> standard_;  ///< standard output and error, where they are regular files
  std::vector<std::pair<Named, bool (*)(const std::string&)>> folders_;  ///< of inputs; `target` is the folder
  std::vector<Named> dumps_;
};

}  // namespace bitloom
