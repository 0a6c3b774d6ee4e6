// Writes the SystemVerilog package bl_pkg of a hardware file; the build makes those of the named hardware with it. A
// file that has the text already keeps its time, so that the build does not make the machine again.
#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <filesystem>
#include <string>

#include "kernels/package.hpp"
#include "model/io/input_file.hpp"
#include "model/io/output_file.hpp"

int main(int argc, char** argv) {
  if (argc != 3) {
    fmt::print(stderr, "usage: gen_package HARDWARE.json OUT.sv\n");
    return 2;
  }
  try {
    const std::string text = bitloom::package_text(bitloom::read_hardware(argv[1]));
    const bool is_there = std::filesystem::exists(argv[2]);
    if (!is_there || bitloom::read_input(argv[2], bitloom::kLargestText) != text) bitloom::write_file(argv[2], text);
  } catch (const std::exception& error) {
    fmt::print(stderr, "gen_package: {}\n", error.what());
    return 1;
  }
  return 0;
}
