// What a DRAM file may say.
#include "sim/dram/device.hpp"

namespace bitloom::dram {

namespace {

FileField cycles(std::string key, int min, std::string meaning) {
  return fields::integer(std::move(key), min, 1'000'000, std::move(meaning)).in("cycles");
}

FileField milliamperes(std::string key, std::string meaning) {
  return fields::number(std::move(key), 0, 1e6, std::move(meaning)).in("mA");
}

const FileSection& organisation_fields() {
  static const FileSection section{
      "organisation",
      "How one channel of one rank is built; a column is as wide as the channel.",
      {fields::integer("channel_bits", 8, 1024, "The width of the channel's data bus.")
           .in("bits")
           .powers_of_two()
           .checked("A multiple of device_bits."),
       fields::integer("device_bits", 4, 1024, "The width of one device; devices side by side make the channel.")
           .in("bits")
           .powers_of_two(),
       fields::integer("bank_groups", 1, 64, "The groups of banks; 1 where the standard knows none.")
           .in("groups")
           .powers_of_two(),
       fields::integer("banks", 1, 64, "The banks in a group.").in("banks").powers_of_two(),
       fields::integer("rows", 1, 1 << 24, "The rows in a bank.").in("rows").powers_of_two(),
       fields::integer("columns", 1, 1 << 20, "The columns in a row.")
           .in("columns")
           .powers_of_two()
           .checked("A multiple of burst_length."),
       fields::integer("burst_length", 1, 64, "How many columns one read or write moves.")
           .in("columns")
           .powers_of_two()
           .checked("A multiple of transfers_per_clock."),
       fields::integer("transfers_per_clock", 1, 16, "How many columns the data bus moves in a cycle.")
           .in("columns")
           .powers_of_two()}};
  return section;
}

std::vector<FileField> row_timing() {
  return {
      cycles("rcd_read", 1, "From an activate to a read of the row."),
      cycles("rcd_write", 1, "From an activate to a write of the row."),
      cycles("rp", 1, "From a precharge of one bank to its next activate."),
      cycles("rp_all", 1, "From a precharge of all banks to the next activate or refresh.")
          .may_be_absent()
          .checked("Where it is absent, rp counts."),
      cycles("ras", 1, "From an activate to the precharge of its bank."),
      cycles("rc", 1, "From an activate to the next one of its bank, and to a refresh."),
      cycles("rrd_s", 1, "From an activate to one in another bank group."),
      cycles("rrd_l", 1, "From an activate to one in the same bank group.")
          .may_be_absent()
          .checked("At least rrd_s, which counts where this key is absent."),
      cycles("faw", 1, "From an activate to the fourth one behind it."),
      cycles("ppd", 1, "From a precharge to the next one of any bank.").or_else("1"),
      cycles("rtrs", 0, "Between the data of one rank and those of another, where a hardware file asks for ranks.")
          .or_else("2"),
      cycles("rfc", 1, "From a refresh to the next activate or refresh."),
      cycles("refi", 1, "From one refresh that is due to the next.").checked("At least rfc, rp_all and rc together.")};
}

std::vector<FileField> column_timing() {
  return {cycles("cl", 1, "From a read to its first data."),
          cycles("dqsck", 0, "How much later than cl the data of a read come.").or_else("0"),
          cycles("cwl", 1, "From a write to its first data."),
          cycles("dqss", 0, "How much later than cwl the data of a write come.").or_else("0"),
          cycles("ccd_s", 1, "From a read to a read, or from a write to a write, in another bank group.")
              .checked("At least the cycles of a burst."),
          cycles("ccd_l", 1, "The same within one bank group.")
              .may_be_absent()
              .checked("At least ccd_s, which counts where this key is absent."),
          cycles("wtr_s", 0, "From the end of a write's data to a read in another bank group."),
          cycles("wtr_l", 0, "The same within one bank group.")
              .may_be_absent()
              .checked("At least wtr_s, which counts where this key is absent."),
          cycles("rtw", 1, "From a read to a write.").checked("Long enough that their data do not meet on the bus."),
          cycles("rtp", 1, "From a read to the precharge of its bank."),
          cycles("wr", 0, "From the end of a write's data to the precharge of its bank.")};
}

const FileSection& timing_fields() {
  static const FileSection section = [] {
    FileSection all{"timing",
                    "When a command may follow another; names are JEDEC's, without the t.",
                    {fields::integer("clock_ps", 1, 1'000'000, "The time of one cycle.").in("ps")}};
    for (const std::vector<FileField>& part : {column_timing(), row_timing()}) {
      all.fields.insert(all.fields.end(), part.begin(), part.end());
    }
    return all;
  }();
  return section;
}

const FileSection& supply_fields() {
  static const FileSection section{
      "supply",
      "What one device takes from one supply; names are JEDEC's.",
      {fields::text("name", "The supply's name, by which sources refer to it.").checked("Each name once."),
       fields::number("volts", 0, 10, "The voltage.").in("V"),
       milliamperes("idd0", "The current of activates and precharges in turn, one pair every rc."),
       milliamperes("idd2n", "The current while all banks are precharged."),
       milliamperes("idd3n", "The current while banks are active."),
       milliamperes("idd4r", "The current of reads without a pause."),
       milliamperes("idd4w", "The current of writes without a pause."),
       milliamperes("idd5", "The current during a refresh of all banks.")}};
  return section;
}

const FileSection& source_fields() {
  static const FileSection section{
      "source",
      "Where figures come from.",
      {fields::texts("figures", "Figures, such as timing.cl or supplies.VDD.idd0, or whole sections, such as timing.")
           .checked("Each names something of this file, and nothing is named twice."),
       fields::text("text", "The document or program, and the rule that derives the figures from it.")
           .checked("Not empty."),
       fields::flag("guess", "Is there no published document of a standard or of a chip that says so?")
           .or_else("false")}};
  return section;
}

}  // namespace

const FileSection& device_fields() {
  static const FileSection section{
      "dram",
      "One channel of a memory with banks: organisation, timings, currents, and the source of each figure.",
      {fields::text("name", "What reports call the memory.").checked("Not empty."),
       fields::object("organisation", organisation_fields(), "Banks, rows, columns and widths."),
       fields::object("timing", timing_fields(), "The distances between commands."),
       fields::objects("supplies", supply_fields(), "The currents, one object a supply.")
           .checked("At least one; together they must give no negative energy."),
       fields::objects("sources", source_fields(), "Where the figures come from.")
           .checked("Each figure has one; the source of a figure counts before that of its section.")}};
  return section;
}

}  // namespace bitloom::dram
