// What an energy table may say.
#include "sim/energy.hpp"

namespace bitloom {

namespace {

const FileSection& row_fields() {
  static const FileSection section{
      "energy_row",
      "The energy of one operation of one width.",
      {fields::choice("op",
                      {{"add", "One addition.", ""},
                       {"multiply", "One multiplication of two operands of this width.", ""},
                       {"multiply_by_16", "One multiplication of an operand of this width by one of 16 bits.", ""},
                       {"xor", "One exclusive or.", ""},
                       {"sram", "One access to a memory on the chip.", ""},
                       {"dram", "One access to the memory beside the chip.", ""}},
                      "What the energy is of."),
       fields::integer("width", 1, 1024, "The width of an operand, or of one access.")
           .in("bits")
           .checked("64 for sram."),
       fields::integer("bytes", 1, std::int64_t{1} << 40, "The capacity of the memory.")
           .in("bytes")
           .only_with("op", {"sram"}),
       fields::number("pJ", 0.0, 1e9, "The energy of one operation.").in("pJ"),
       fields::text("source", "Where the number stands, or the rule that derives it from others."),
       fields::flag("derived", "Is the number computed from others of the table?")}};
  return section;
}

const FileSection& leakage_fields() {
  static const FileSection section{
      "leakage_row",
      "The power that one block takes all the time, whatever it does.",
      {fields::choice("block",
                      {{"dma_load", "The scratchpads, VIN and what fills them.", ""},
                       {"mac_array", "The array and its accumulators.", ""},
                       {"vector_unit", "The vector engine with VOUT, VBIAS and the table.", ""},
                       {"dma_store", "What writes results to memory.", ""},
                       {"command_processor", "Fetch, queues and tokens.", ""},
                       {"dram", "The memory beside the chip; a memory with banks has its standby besides.", ""}},
                      "Which block."),
       fields::number("mW", 0.0, 1e9, "The power.").in("mW"),
       fields::text("source", "Where the number stands, or the rule that derives it from others."),
       fields::flag("derived", "Is the number computed from others of the table?")}};
  return section;
}

}  // namespace

const FileSection& energy_fields() {
  static const FileSection section{
      "energy",
      "Energies of operations from one publication; an estimate never mixes two.",
      {fields::text("name", "What reports call the table."),
       fields::integer("node_nm", 1, 1000, "The technology node.").in("nm"), fields::text("set", "The publication."),
       fields::text("dram", "The kind of memory beside the chip."),
       fields::objects("rows", row_fields(), "The energies, one of each operation, width and capacity.")
           .checked("All rows that the estimate uses, and at least two of sram."),
       fields::objects("leakage", leakage_fields(), "The leakage of blocks; without it none is modelled.")
           .may_be_absent()
           .checked("At most one row a block.")}};
  return section;
}

}  // namespace bitloom
