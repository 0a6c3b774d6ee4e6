#include "model/io/json_reader.hpp"

#include "testbench/model/support.hpp"

namespace bitloom {
namespace {

using test::error_of;
using testing::ElementsAre;
using testing::HasSubstr;

JsonObject parse(const std::string& text) { return JsonObject::from_text(text, "f.json"); }

TEST(JsonObject, ReadsEveryType) {
  const JsonObject json = parse(R"({"b": true, "i": -3, "l": 9007199254740993, "u": 18446744073709551615, "d": 0.5,
                                    "s": "x", "o": {"k": 1}, "a": [{"k": 2}, {"k": 3}], "n": [1, 2]})");
  EXPECT_TRUE(json.get<bool>("b"));
  EXPECT_EQ(json.get<int>("i"), -3);
  EXPECT_EQ(json.get<std::int64_t>("l"), 9007199254740993);
  EXPECT_EQ(json.get<std::uint64_t>("u"), 18446744073709551615U);
  EXPECT_EQ(json.get<double>("d"), 0.5);
  EXPECT_EQ(json.get<double>("i"), -3.0);
  EXPECT_EQ(json.get<std::string>("s"), "x");
  EXPECT_EQ(json.object("o").get<int>("k", 1, 1), 1);
  EXPECT_EQ(json.objects("a")[1].get<int>("k"), 3);
  EXPECT_THAT(json.list<int>("n"), ElementsAre(1, 2));
  EXPECT_EQ(json.get_or<int>("absent", 7), 7);
  EXPECT_THAT(json.keys(), ElementsAre("b", "i", "l", "u", "d", "s", "o", "a", "n"));
  json.finish();
}

TEST(JsonObject, SyntaxErrorNamesFileAndLine) {
  EXPECT_THAT(error_of([] { parse("{\n\"a\": 1,\n\"b\": }\n"); }), HasSubstr("f.json:3: not valid JSON"));
  EXPECT_THAT(error_of([] { parse(""); }), HasSubstr("f.json:1: not valid JSON"));
  EXPECT_THAT(error_of([] { parse("{\"a\": 1}\n\nx"); }), HasSubstr("f.json:3: not valid JSON"));
  EXPECT_THAT(error_of([] { parse("[1]"); }), HasSubstr("f.json: expected an object"));
  EXPECT_THAT(error_of([] { parse("{\"a\": 1e999}"); }), HasSubstr("f.json"));
}

TEST(JsonObject, MissingFileNamesReason) {
  EXPECT_THAT(error_of([] { JsonObject::from_file("/nonexistent/f.json"); }),
              AllOf(HasSubstr("/nonexistent/f.json"), HasSubstr("No such file")));
}

TEST(JsonObject, KeyGivenTwice) {
  EXPECT_THAT(error_of([] { parse(R"({"a": 1, "b": {"a": 2}, "a": 3})"); }), HasSubstr("key 'a' is given twice"));
  EXPECT_NO_THROW(parse(R"({"a": 1, "b": {"a": 2}, "c": [{"a": 1}, {"a": 1}]})"));
}

TEST(JsonObject, MissingAndUnknownKeysNamePath) {
  const JsonObject json = parse(R"({"o": {"known": 1, "other": 2}, "a": [{"k": 1, "z": 0}]})");
  EXPECT_EQ(error_of([&] { json.get<int>("m"); }), "f.json: m: required key is missing");
  EXPECT_EQ(error_of([&] { json.object("o").get<int>("m"); }), "f.json: o.m: required key is missing");
  const JsonObject inner = json.object("o");
  inner.get<int>("known");
  EXPECT_EQ(error_of([&] { inner.finish(); }), "f.json: o.other: unknown key");
  const JsonObject element = json.objects("a")[0];
  element.get<int>("k");
  EXPECT_EQ(error_of([&] { element.finish(); }), "f.json: a[0].z: unknown key");
  json.finish();
}

TEST(JsonObject, WrongTypesAndRanges) {
  const JsonObject json =
      parse(R"({"i": 300, "big": 4294967296, "neg": -1, "d": 1.5, "s": "4", "l": [1, -1, 2], "t": true})");
  EXPECT_EQ(error_of([&] { json.get<int>("i", 0, 255); }), "f.json: i: expected an integer from 0 to 255, got 300");
  EXPECT_EQ(error_of([&] { json.get<int>("big"); }), "f.json: big: expected an integer, got 4294967296");
  EXPECT_EQ(error_of([&] { json.get<std::uint64_t>("neg"); }), "f.json: neg: expected an integer, got -1");
  EXPECT_EQ(error_of([&] { json.get<int>("d"); }), "f.json: d: expected an integer, got 1.5");
  EXPECT_EQ(error_of([&] { json.get<int>("s"); }), "f.json: s: expected an integer, got \"4\"");
  EXPECT_EQ(error_of([&] { json.get<bool>("i"); }), "f.json: i: expected true or false, got 300");
  EXPECT_EQ(error_of([&] { json.get<int>("t"); }), "f.json: t: expected an integer, got true");
  EXPECT_EQ(error_of([&] { json.get<double>("d", 0.0, 1.0); }), "f.json: d: expected a number from 0 to 1, got 1.5");
  EXPECT_EQ(error_of([&] { json.list<int>("l", 0, 9); }), "f.json: l[1]: expected an integer from 0 to 9, got -1");
  EXPECT_THAT(error_of([&] { json.object("l"); }), HasSubstr("l: expected an object"));
  EXPECT_THAT(error_of([&] { json.objects("l"); }), HasSubstr("l[0]: expected an object"));
  EXPECT_EQ(error_of([&] { json.choice("s", {"x", "y"}); }), "f.json: s: expected one of \"x\", \"y\", got \"4\"");
}

}  // namespace
}  // namespace bitloom
