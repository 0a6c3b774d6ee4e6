#include "model/io/field_reader.hpp"

#include "model/io/fields_page.hpp"
#include "model/io/suggest.hpp"
#include "testbench/model/support.hpp"

namespace bitloom {
namespace {

using test::error_of;

const FileSection& inner_fields() {
  static const FileSection section{"inner", "", {fields::one_of("*", {4, 8}, "A width by name.")}};
  return section;
}

/// A field of each type; `often` means two things, `never` none without a quantizer.
const FileSection& outer_fields() {
  static const FileSection section{
      "outer",
      "",
      {
          fields::choice("kind", {{"plain", "", ""}, {"coarse", "", ""}, {"fine", "", ""}}, "").or_else("\"plain\""),
          fields::integer("often", 1, 9, "").only_with("kind", {"plain"}),
          fields::integer("often", 1, 3, "").only_with("kind", {"coarse"}),
          fields::number("share", 0.0, 1.0, "").or_else("0.5"),
          fields::integer("burst", 1, 64, "").powers_of_two().or_else("8"),
          fields::pair("window", 1, 16, "").may_be_absent(),
          fields::object("widths", inner_fields(), "").may_be_absent(),
      }};
  return section;
}

FieldReader parse(const std::string& text) {
  return FieldReader(JsonObject::from_text(text, "f.json"), outer_fields());
}
std::string refusal(const std::string& text) {
  return error_of([&] { parse(text); });
}

TEST(FieldReader, GivesValuesAndDefaults) {
  const FieldReader json = parse(R"({"often": 9, "window": [2, 3], "widths": {"a": 4, "b": 8}})");
  EXPECT_TRUE(json.is("kind", "plain"));
  EXPECT_EQ(json.get<int>("often"), 9);
  EXPECT_EQ(json.get<double>("share"), 0.5);
  EXPECT_EQ(json.get<std::uint64_t>("burst"), 8U);
  EXPECT_EQ(json.pair("window"), std::pair(2, 3));
  EXPECT_EQ(parse(R"({"often": 1, "window": 5})").pair("window"), std::pair(5, 5));
  const FieldReader widths = json.object("widths");
  EXPECT_EQ(widths.keys(), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(widths.get<int>("b"), 8);
}

TEST(FieldReader, ChecksEveryValueByItsTable) {
  EXPECT_EQ(refusal(R"({"often": 10})"), "f.json: often: expected an integer from 1 to 9, got 10");
  EXPECT_EQ(refusal(R"({"often": 4, "kind": "coarse"})"), "f.json: often: expected an integer from 1 to 3, got 4");
  EXPECT_EQ(refusal(R"({})"), "f.json: often: required key is missing");
  EXPECT_EQ(refusal(R"({"often": 1, "share": 1.5})"), "f.json: share: expected a number from 0 to 1, got 1.5");
  EXPECT_EQ(refusal(R"({"often": 1, "burst": 12})"), "f.json: burst: expected a power of two, got 12");
  EXPECT_EQ(refusal(R"({"often": 1, "window": [1, 2, 3]})"),
            "f.json: window: expected an integer or [rows, columns], got [1, 2, 3]");
  EXPECT_EQ(error_of([] { parse(R"({"often": 1, "widths": {"a": 5}})").object("widths"); }),
            "f.json: widths.a: expected 4 or 8, got 5");
}

TEST(FieldReader, RefusesWhatHasNoEffectAndSaysWhenItHas) {
  EXPECT_EQ(refusal(R"({"often": 1, "kind": "fine"})"),
            "f.json: often: has no effect here; it counts only with kind \"plain\" or with kind \"coarse\"");
}

TEST(FieldReader, SuggestsWhatAMisspeltKeyOrWordMeans) {
  EXPECT_EQ(refusal(R"({"oftne": 1})"), "f.json: oftne: unknown key; did you mean \"often\"?");
  EXPECT_EQ(refusal(R"({"often": 1, "shape": 1})"), "f.json: shape: unknown key; did you mean \"share\"?");
  EXPECT_EQ(refusal(R"({"often": 1, "zebra": 1})"), "f.json: zebra: unknown key");
  EXPECT_EQ(refusal(R"({"kind": "corse"})"),
            "f.json: kind: expected one of \"plain\", \"coarse\", \"fine\", got \"corse\"; did you mean \"coarse\"?");
}

TEST(FieldReader, LeavesTheSchemaToEditors) {
  const FieldReader json = parse(R"({"$schema": "../schema/outer.json", "often": 2})");
  EXPECT_EQ(json.keys(), std::vector<std::string>{"often"});
  EXPECT_EQ(error_of([] { parse(R"({"often": 1, "widths": {"$schema": "x"}})").object("widths"); }),
            "f.json: widths.$schema: expected an integer, got \"x\"");
}

TEST(FieldPages, SayEverythingWithinTheColumns) {
  EXPECT_EQ(wrapped("one two three", 8, "  "), "one two\n  three\n");
  EXPECT_EQ(wrapped("  - é é", 7, ""), "  - é é\n");  // columns, not bytes
  const FileField field =
      fields::integer("burst", 1, 64, "The longest burst.").in("words").powers_of_two().or_else("8");
  EXPECT_EQ(field_text(field), "- **`burst`**: a power of two from 1 to 64 (words). The longest burst. Default: 8.\n");
}

TEST(Suggest, CountsEdits) {
  EXPECT_EQ(edit_distance("", "abc"), 3);
  EXPECT_EQ(edit_distance("abc", "abc"), 0);
  EXPECT_EQ(edit_distance("acb", "abc"), 1);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3);
  EXPECT_EQ(edit_distance("ca", "abc"), 3);  // a swapped pair is not changed again
}

TEST(Suggest, FindsTheNearestOrNothing) {
  EXPECT_EQ(nearest_word("trian", {"train", "run"}), "train");
  EXPECT_EQ(nearest_word("rn", {"train", "run"}), "run");
  EXPECT_EQ(nearest_word("zebra", {"train", "run"}), "");
  EXPECT_EQ(nearest_word("4", {"x", "y"}), "");
  EXPECT_EQ(nearest_word("", {"x"}), "");
  EXPECT_EQ(suggestion("lq", {"luq", "lwq"}), "; did you mean \"luq\"?");
}

TEST(FieldReader, TakesPowersOfTwoBeyond32Bits) {
  static const FileSection section{
      "large", "", {fields::integer("bytes", 1, std::int64_t{1} << 40, "Many.").powers_of_two()}};
  const auto bytes = [](const std::string& value) {
    return FieldReader(JsonObject::from_text("{\"bytes\": " + value + "}", "f.json"), section)
        .get<std::int64_t>("bytes");
  };
  EXPECT_EQ(bytes("8589934592"), std::int64_t{1} << 33);
  EXPECT_EQ(error_of([&] { bytes("8589934593"); }), "f.json: bytes: expected a power of two, got 8589934593");
}

// 2^24 + 1 is no float.
TEST(Fields, LimitsOfIntegersAreExact) {
  for (const FileField& field :
       {fields::integer("k", -16777217, 16777217, "m"), fields::integers("k", -16777217, 16777217, "m"),
        fields::pair("k", -16777217, 16777217, "m")}) {
    EXPECT_EQ(field.min, -16777217.0);
    EXPECT_EQ(field.max, 16777217.0);
  }
}

}  // namespace
}  // namespace bitloom
