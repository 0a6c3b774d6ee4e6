#include "sim/dram/device.hpp"

#include <fmt/format.h>

#include <set>

#include "model/io/field_reader.hpp"
#include "sim/dram/energy.hpp"
#include "sim/dram/sources.hpp"

namespace bitloom::dram {

namespace {

int multiple(const FieldReader& json, const char* key, const char* of, int unit) {
  const int value = json.get<int>(key);
  if (value % unit != 0) json.fail(key, fmt::format("expected a multiple of {} = {}, got {}", of, unit, value));
  return value;
}

Organisation read_organisation(const FieldReader& json) {
  Organisation o;
  o.device_bits = json.get<int>("device_bits");
  o.channel_bits = multiple(json, "channel_bits", "device_bits", o.device_bits);
  o.bank_groups = json.get<int>("bank_groups");
  o.banks = json.get<int>("banks");
  o.rows = json.get<int>("rows");
  o.transfers_per_clock = json.get<int>("transfers_per_clock");
  o.burst_length = multiple(json, "burst_length", "transfers_per_clock", o.transfers_per_clock);
  o.columns = multiple(json, "columns", "burst_length", o.burst_length);
  return o;
}

/// Reads an optional key, which is `other` where it is absent.
int value_or(const FieldReader& json, const char* key, int other) { return json.has(key) ? json.get<int>(key) : other; }

Timing read_timing(const FieldReader& json) {
  Timing t;
  t.clock_ps = json.get<int>("clock_ps");
  t.cl = json.get<int>("cl");
  t.dqsck = json.get<int>("dqsck");
  t.cwl = json.get<int>("cwl");
  t.dqss = json.get<int>("dqss");
  t.rcd_read = json.get<int>("rcd_read");
  t.rcd_write = json.get<int>("rcd_write");
  t.rp = json.get<int>("rp");
  t.rp_all = value_or(json, "rp_all", t.rp);
  t.ras = json.get<int>("ras");
  t.rc = json.get<int>("rc");
  t.rrd_s = json.get<int>("rrd_s");
  t.rrd_l = value_or(json, "rrd_l", t.rrd_s);
  t.faw = json.get<int>("faw");
  t.ccd_s = json.get<int>("ccd_s");
  t.ccd_l = value_or(json, "ccd_l", t.ccd_s);
  t.wtr_s = json.get<int>("wtr_s");
  t.wtr_l = value_or(json, "wtr_l", t.wtr_s);
  t.rtw = json.get<int>("rtw");
  t.rtp = json.get<int>("rtp");
  t.wr = json.get<int>("wr");
  t.ppd = json.get<int>("ppd");
  t.rtrs = json.get<int>("rtrs");
  t.rfc = json.get<int>("rfc");
  t.refi = json.get<int>("refi");
  return t;
}

void expect_at_least(const FieldReader& json, const char* key, int value, int least, const char* why) {
  if (value < least) json.fail(key, fmt::format("expected at least {} ({}), got {}", least, why, value));
}

void check_timing(const FieldReader& json, const Timing& t, int burst) {
  expect_at_least(json, "ccd_s", t.ccd_s, burst, "the cycles of a burst");
  expect_at_least(json, "ccd_l", t.ccd_l, t.ccd_s, "ccd_s");
  expect_at_least(json, "rrd_l", t.rrd_l, t.rrd_s, "rrd_s");
  expect_at_least(json, "wtr_l", t.wtr_l, t.wtr_s, "wtr_s");
  expect_at_least(json, "rtw", t.rtw, t.cl + t.dqsck + burst - t.cwl - t.dqss,
                  "the end of the read's data, less the start of the write's");
  expect_at_least(json, "refi", t.refi, t.rfc + t.rp_all + t.rc, "rfc + rp_all + rc");
}

std::vector<Supply> read_supplies(const FieldReader& file) {
  std::vector<Supply> supplies;
  std::set<std::string> names;
  for (const FieldReader& json : file.objects("supplies")) {
    Supply s;
    s.name = json.get<std::string>("name");
    if (!names.insert(s.name).second) json.fail("name", fmt::format("\"{}\" is a supply already", s.name));
    s.volts = json.get<double>("volts");
    s.idd0 = json.get<double>("idd0");
    s.idd2n = json.get<double>("idd2n");
    s.idd3n = json.get<double>("idd3n");
    s.idd4r = json.get<double>("idd4r");
    s.idd4w = json.get<double>("idd4w");
    s.idd5 = json.get<double>("idd5");
    supplies.push_back(s);
  }
  if (supplies.empty()) file.fail("supplies", "expected at least one supply");
  return supplies;
}

void check_prices(const FieldReader& file, const Prices& prices) {
  const auto expect = [&](double pj, const char* what) {
    if (pj < 0)
      file.fail("supplies", fmt::format("expected currents that give no negative energy, got {} pJ {}", pj, what));
  };
  expect(prices.activate_pj, "an activate");
  expect(prices.read_pj, "a read");
  expect(prices.write_pj, "a write");
  expect(prices.refresh_pj, "a refresh");
}

}  // namespace

Device read_device(const std::string& file) { return read_device(JsonObject::from_file(file)); }

Device read_device(const JsonObject& json) {
  const FieldReader file(json, device_fields());
  Device device;
  device.name = file.get<std::string>("name");
  if (device.name.empty()) file.fail("name", "expected a name, got an empty string");
  device.organisation = read_organisation(file.object("organisation"));
  device.timing = read_timing(file.object("timing"));
  check_timing(file.object("timing"), device.timing, device.organisation.burst_cycles());
  device.supplies = read_supplies(file);
  device.sources = read_sources(file);
  check_prices(file, prices_of(device));
  return device;
}

}  // namespace bitloom::dram
