#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace bitloom::program {

/// What `bitloom train` takes. Names are resolved by model/io/traces.hpp.
struct TrainCommand {
  std::string network;
  std::string recipe = "int8";
  std::string data;  ///< folder of IDX or CIFAR-10 files; empty: the generated glyphs
  std::string hyper = "default";
  int epochs = 0;  ///< 0: as the hyper-parameter file says
  int batch = 0;   ///< 0: likewise
  std::uint64_t seed = 1;
  int threads = 1;
  int hold_out = 0;     ///< last training images to judge by in place of the test images
  int train_limit = 0;  ///< use only the first so many training images; 0: all
  std::string json;
  std::string save;
  std::string init;
  std::string resume;
  std::string resume_with;  ///< words of model/train/resume.hpp, separated by commas
  std::string dump;
  bool quiet = false;
};

/// What `bitloom experiment` takes.
struct ExperimentCommand {
  std::string experiment;
  std::string data;               ///< folder of IDX or CIFAR-10 files
  std::vector<std::string> rows;  ///< only these; empty: all
  int seeds = 0;                  ///< instead of the file's; 0: as the file says
  int epochs = 0;                 ///< likewise
  int threads = 1;
  int hold_out = 0;     ///< last training images to judge by in place of the test images
  int train_limit = 0;  ///< instead of the file's; 0: as the file says
  std::string db;       ///< where results are remembered; empty: nowhere
  std::string json;
  bool quiet = false;
};

/// What `bitloom run` takes.
struct RunCommand {
  std::string network;
  std::string recipe = "int8";
  std::string hw = "base";
  int batch = 0;  ///< 0: as the hyper-parameter file says
  int steps = 1;
  int stall = 0;  ///< percent of memory beats that stall
  std::uint64_t seed = 1;
  bool values = false;            ///< compute values too, not only cycles
  std::string phases = "all";     ///< or "forward"
  std::string schedule = "auto";  ///< or "os", "ws"
  std::string timeline;           ///< file for the trace of the engines; empty: none
  std::string timeline_detail;    ///< layer whose executions are in it one by one
  std::string dram;               ///< "ideal", a name or a file of a DRAM; empty: as the hardware file says
  std::string energy = "45nm";    ///< name or file of the energy table
  std::string hyper = "default";
  std::string json;
  bool details = false;  ///< print the long tables too
  bool quiet = false;
};

/// What `bitloom compare` takes.
struct CompareCommand {
  std::vector<std::string> networks{"resnet18", "resnet50", "vgg16", "resnet8", "conv128", "ffn768"};
  std::vector<std::string> recipes{"int8", "int4", "luq", "lwq", "psq", "fqt1", "maqd"};
  std::vector<std::string> hw{"base"};
  int batch = 0;                ///< 0: as the network or the hyper-parameter file says
  int jobs = 1;                 ///< rows at once
  std::string dram;             ///< "ideal", a name or a file of a DRAM; empty: as the hardware file says
  std::string energy = "45nm";  ///< name or file of the energy table
  std::string hyper = "default";
  std::string json;
  bool quiet = false;
};

/// What `bitloom cosim` takes.
struct CosimCommand {
  std::string network;
  std::string recipe = "int8";
  std::string hw = "tiny";
  int batch = 0;
  int steps = 1;
  int stall = 0;
  std::uint64_t seed = 1;
  std::string dram;  ///< "ideal", a name or a file of a DRAM; empty: as the hardware file says
  std::string data;
  std::string hyper = "default";
  std::string waves;  ///< file to write the FST waves of the RTL to
  std::string dump;   ///< folder for the tensors as .npy
  std::string json;
  bool details = false;  ///< print the long tables too
  bool quiet = false;
};

/// What `bitloom explain` takes.
struct ExplainCommand {
  std::string word;
  std::string schema;  ///< a kind of file whose JSON Schema is printed in place of a word's explanation
};

/// What `bitloom codebook` takes.
struct CodebookCommand {
  std::vector<double> sharpness{0.0, 7.7, 18.6,
                                40.7};  ///< the last three: where the authors' levels 1 to 3 are optimal
  std::string json;
  bool quiet = false;
};

/// What `bitloom demo` takes.
struct DemoCommand {
  std::uint64_t seed = 1;
  int threads = 1;
  std::string json;
  bool quiet = false;
};

}  // namespace bitloom::program
