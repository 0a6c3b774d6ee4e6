#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "kernels/command.hpp"
#include "kernels/hardware.hpp"
#include "model/network.hpp"
#include "model/recipe.hpp"

namespace bitloom {

/// How a tensor lies in memory. (r, c) is an element of the canonical view (N4.4), which golden's records use too.
enum class Packing {
  kRows,     ///< P1: codes of `bits`, row r at address + r·pitch, packed along c (N1.2)
  kColumns,  ///< P2: codes of `bits`, column c at address + c·pitch, packed along r
  kInt32,    ///< int32 words, element at address + r·pitch + 4·c
  kMask,     ///< bits in tiles, see mask_bit()
  kTable,    ///< the table page: 32-bit entries
};

struct TensorPlacement {
  std::string name;  ///< golden's name `<layer>.<what>`; "labels" and "table" besides
  Packing packing = Packing::kInt32;
  int bits = 32;  ///< of an element: 4, 8, 32, 1 (mask)
  int rows = 0;   ///< canonical
  int cols = 0;
  std::uint32_t pitch = 0;    ///< bytes between rows of memory, a multiple of W
  std::uint32_t address = 0;  ///< from BASE, or from BATCH for in_batch; a multiple of W
  std::uint32_t bytes = 0;    ///< extent, padding included
  bool in_batch = false;      ///< lies in the batch block, written by the host
  bool state = false;         ///< lives across steps
  bool ones_row = false;      ///< kColumns: one more memory row, number `cols`, holds the constant code 1 for each r
  int tile_rows = 0;  ///< kMask: tile t = (c / tile_cols)·row_tiles + r / tile_rows starts at address + t·pitch
  int tile_cols = 0;  ///< kMask: a multiple of V
  std::vector<int> writers;  ///< indices of the commands that write it; empty: the host does
};

/// Byte and bit of element (r, c) of a mask: its tile's byte i·G + j holds bit v for column j·V + v.
struct BitAddress {
  std::uint32_t byte = 0;  ///< from BASE
  int bit = 0;
};
BitAddress mask_bit(const TensorPlacement& mask, int lanes, int r, int c);

struct CommandInfo {
  int layer = -1;     ///< -1: of no layer
  std::string phase;  ///< weights, bias, forward, quantize, loss, dgrad, wgrad, update, tables
  std::string text;   ///< what it does, for listings
};

struct LowerOptions {
  int batch = 0;           ///< M, 1 … 65535
  std::uint32_t mu16 = 0;  ///< round(65536 · momentum), 0 … 65535
  int batch_slots = 1;     ///< batch blocks in memory, at least 1
};

/// A step as commands, and where everything lies. All addresses are bytes from BASE unless said otherwise.
struct Program {
  std::string network;
  std::string recipe;
  Hardware hardware;
  std::vector<LinearLayer> chain;
  std::vector<int> layer_bits;
  int batch = 0;

  std::vector<Command> commands;
  std::vector<CommandInfo> info;         ///< one for each command
  std::vector<TensorPlacement> tensors;  ///< in address order, those of the batch block last

  /// Index in table T by name: golden's scalar names (`<layer>.sx` …, `loss`, `correct`, `scale_sat`), `unit.…` and
  /// `tmp.…` besides.
  /// `<layer>.dwsat` counts the saturations of dw and db together. Only what the table still holds after a step is
  /// named.
  std::map<std::string, int> table;
  int table_entries = 0;                         ///< entries that TABLE_LOAD and TABLE_STORE move (a multiple of V)
  std::map<int, std::uint32_t> table_constants;  ///< entries that never change
  std::uint32_t table_address = 0;

  std::uint32_t program_address = 0;  ///< PROGRAM register = BASE + this
  std::uint32_t state_begin = 0;      ///< masters, momenta, biases and the table page
  std::uint32_t state_end = 0;
  std::uint32_t batch_address = 0;  ///< BATCH register = BASE + this + slot · batch_bytes
  std::uint32_t batch_bytes = 0;
  int batch_slots = 1;
  std::uint64_t total_bytes = 0;
};

/// Lowers a training step. Throws Error when the network is no linear chain, the recipe does not fit it, or the
/// hardware is too small, naming layer, GEMM and memory. The result has passed verify().
Program lower(const Network& network, const Recipe& recipe, const Hardware& hardware, const LowerOptions& options);

/// The placement of that name and packing; nullptr when there is none.
const TensorPlacement* find_tensor(const Program& program, const std::string& name, Packing packing);

/// The program as text, one command a line.
std::string listing(const Program& program);

}  // namespace bitloom
