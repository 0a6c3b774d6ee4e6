// What a hardware file may say.
#include "kernels/command_set.hpp"
#include "kernels/hardware.hpp"

namespace bitloom {

namespace {

std::vector<FileField> array_fields() {
  return {
      fields::text("name", "What reports call the machine.").checked("Not empty."),
      fields::number("clock_mhz", 1e-3, 1e6, "The clock, which turns cycles into seconds and changes no cycles.")
          .in("MHz"),
      fields::integer("axi_bytes", 8, 64, "The width of the memory bus, W.").in("bytes").powers_of_two(),
      fields::integer(
          "lanes", 2, 32,
          "The lanes of the vector unit, V. With axi_bytes / 4 a beat of memory brings a value of 32 bits for "
          "each, with axi_bytes / 2 one of 16 bits.")
          .in("lanes")
          .may_be_absent()
          .checked("axi_bytes / 4, which is meant where it is absent, or axi_bytes / 2."),
      fields::integer("rows", 1, 64, "The rows of the multiplier array, R.")
          .in("multipliers")
          .checked("At most axi_bytes."),
      fields::integer("cols", 2, 64, "The columns of the multiplier array, C.")
          .in("multipliers")
          .checked("From lanes to axi_bytes."),
  };
}

std::vector<FileField> memory_fields() {
  return {
      fields::integer("spad_a_bytes", 8, kFieldMax, "The size of a row's operand buffer; there are two for each row.")
          .in("bytes")
          .checked("A multiple of axi_bytes."),
      fields::integer("spad_b_bytes", 8, kFieldMax,
                      "The size of a column's operand buffer; there are two for each column.")
          .in("bytes")
          .checked("A multiple of axi_bytes."),
      fields::integer("line_buffer_bytes", 0, 1 << 20,
                      "The size of the buffer in which LOAD keeps lines of an image for the taps of a convolution.")
          .in("bytes")
          .checked("0 makes none; else a power of two, at least 2 * axi_bytes."),
      fields::integer("acc_tiles", 2, 255,
                      "The size of the accumulator memory; two tiles are filled and emptied in turn, more stay while a "
                      "reduction goes by.")
          .in("tiles of rows x cols accumulators"),
      fields::integer("vin_words", 1, kFieldMax, "The size of the vector unit's input buffer.")
          .in("words of lanes values of 4 bytes"),
      fields::integer("vout_words", 1, kFieldMax, "The size of the vector unit's output buffer.")
          .in("words of lanes values of 4 bytes"),
      fields::integer("vbias_words", 1, kFieldMax, "The size of the buffer for biases and values by channel.")
          .in("words of lanes values of 4 bytes"),
      fields::integer("table_words", 64, kTableWordsMax,
                      "The size of the table of scales, statistics and the values of a channel, sample or group.")
          .in("words of 4 bytes"),
  };
}

const FileSection& dram_fields() {
  static const FileSection section{
      "dram_memory",
      "A memory with banks.",
      {fields::text("standard", "The name or the path of a DRAM file, which says how a channel works.")
           .checked("Not empty."),
       fields::integer("channels", 1, 1024, "How many channels the memory has; granules of 64 bytes alternate.")
           .in("channels")
           .may_be_absent()
           .checked("Where it is absent, the fewest whose peak reaches axi_bytes a cycle."),
       fields::integer("width", 8, 1024, "The width of a channel's data bus; devices side by side make it.")
           .in("bits")
           .powers_of_two()
           .may_be_absent()
           .checked("A multiple of the DRAM file's device_bits; where it is absent, its channel_bits count."),
       fields::integer("ranks", 1, 8, "How many ranks share a channel's buses; each has all its banks once more.")
           .in("ranks")
           .powers_of_two()
           .or_else("1"),
       fields::number("clock_mhz", 1, 100'000, "The memory's clock, whose time is taken in whole picoseconds.")
           .in("MHz")
           .may_be_absent()
           .checked("At most the DRAM file's own, which counts where this key is absent.")}};
  return section;
}

std::vector<FileField> transfer_fields() {
  return {
      fields::integer("queue_depth", 4, 1024, "How many commands wait in front of each engine.").in("commands"),
      fields::integer("max_outstanding", 1, 64, "How many read bursts are in flight at once.").in("bursts"),
      fields::integer("max_burst", 1, 256, "The longest burst.").in("words of axi_bytes").powers_of_two(),
      fields::integer("dram_read_latency", 1, 1'000'000, "The time from an accepted read address to its first word.")
          .in("cycles")
          .may_be_absent()
          .checked("Given where dram is not, and not beside it."),
      fields::integer("dram_write_latency", 1, 1'000'000, "The time from the last written word to its response.")
          .in("cycles")
          .may_be_absent()
          .checked("Given where dram is not, and not beside it."),
      fields::object("dram", dram_fields(), "A memory with banks in the place of a flat one with two latencies.")
          .may_be_absent(),
      fields::integer("dram_bytes", 4096, std::int64_t{1} << 40, "The size of the memory.").in("bytes"),
  };
}

}  // namespace

const FileSection& hardware_fields() {
  static const FileSection section = [] {
    FileSection all{"hardware", "The size of one accelerator; it makes the SystemC model and the RTL alike.", {}};
    for (const std::vector<FileField>& part : {array_fields(), memory_fields(), transfer_fields()}) {
      all.fields.insert(all.fields.end(), part.begin(), part.end());
    }
    return all;
  }();
  return section;
}

}  // namespace bitloom
