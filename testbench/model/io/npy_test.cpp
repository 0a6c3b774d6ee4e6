#include "model/io/npy.hpp"

#include <limits>

#include "model/io/checkpoint.hpp"
#include "model/io/zip.hpp"
#include "testbench/model/support.hpp"

namespace bitloom {
namespace {

using test::error_of;
using test::TemporaryFolder;
using test::write_bytes;
using testing::ElementsAre;
using testing::HasSubstr;

std::string text_of(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// What NumPy's np.save writes for np.array([[1, -2, 3]], dtype=np.int16), by its format description (NEP 1).
std::string int16_file() {
  std::string header = "{'descr': '<i2', 'fortran_order': False, 'shape': (1, 3), }";
  header.resize(117, ' ');
  return std::string("\x93NUMPY\x01\x00\x76\x00", 10) + header + "\n" + std::string("\x01\x00\xfe\xff\x03\x00", 6);
}

TEST(Npy, MatchesTheFormat) {
  const std::vector<std::int16_t> values{1, -2, 3};
  EXPECT_EQ(text_of(encode_npy(npy_from<std::int16_t>({1, 3}, values))), int16_file());
  TemporaryFolder folder;
  write_bytes(folder / "a.npy", int16_file());
  const NpyArray array = read_npy(folder / "a.npy");
  EXPECT_THAT(array.shape, ElementsAre(1, 3));
  EXPECT_THAT(npy_values<std::int16_t>(array, "a"), ElementsAre(1, -2, 3));
}

template <class T>
void round_trip(const TemporaryFolder& folder, std::vector<std::int64_t> shape, const std::vector<T>& values) {
  const std::string file = folder / "t.npy";
  write_npy(file, npy_from<T>(shape, values));
  const NpyArray array = read_npy(file);
  EXPECT_EQ(array.shape, shape);
  EXPECT_EQ(npy_values<T>(array, file), values);
  EXPECT_EQ((std::filesystem::file_size(file) - array.bytes.size()) % 64, 0U);
}

TEST(Npy, RoundTripsEveryType) {
  TemporaryFolder folder;
  round_trip<std::int8_t>(folder, {2}, {-128, 127});
  round_trip<std::uint8_t>(folder, {1, 1, 2}, {0, 255});
  round_trip<std::int16_t>(folder, {2}, {-32768, 32767});
  round_trip<std::uint16_t>(folder, {1}, {65535});
  round_trip<std::int32_t>(folder, {2, 1}, {std::numeric_limits<std::int32_t>::min(), 5});
  round_trip<std::int64_t>(folder, {1}, {std::numeric_limits<std::int64_t>::min()});
  round_trip<float>(folder, {3}, {0.5F, -1e-40F, 3.4e38F});
  round_trip<float>(folder, {0, 4}, {});
  round_trip<std::int32_t>(folder, {}, {7});
  round_trip<std::int8_t>(folder, {3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, {1, 2, 3});
}

NpyArray decode(const std::string& text) { return decode_npy(std::as_bytes(std::span(text)), "a.npy"); }

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  return text.replace(text.find(from), from.size(), to);
}

TEST(Npy, Errors) {
  EXPECT_THAT(error_of([] { read_npy("/nonexistent/a.npy"); }), HasSubstr("No such file"));
  EXPECT_THAT(error_of([] { decode("hello"); }), HasSubstr("a.npy: expected the magic bytes"));
  EXPECT_THAT(error_of([] { decode(replaced(int16_file(), std::string("\x01\x00", 2), std::string("\x02\x00", 2))); }),
              HasSubstr("version 1.0"));
  EXPECT_THAT(error_of([] { decode(replaced(int16_file(), "<i2", "<c8")); }), HasSubstr("descr: expected"));
  EXPECT_THAT(error_of([] { decode(replaced(int16_file(), "False", "True,")); }), HasSubstr("fortran_order"));
  EXPECT_THAT(error_of([] { decode(int16_file() + "x"); }), HasSubstr("npy data: expected 6 bytes, got 7"));
  EXPECT_THAT(error_of([] { decode(int16_file().substr(0, 131)); }), HasSubstr("npy data: expected 6 bytes, got 3"));
  EXPECT_THAT(error_of([] { decode(int16_file().substr(0, 50)); }), HasSubstr("npy header: truncated"));
  EXPECT_THAT(error_of([] { decode(replaced(int16_file(), "(1, 3)", "(9999999999999999999999)")); }),
              HasSubstr("2^40"));
  // 2^40 · 2^40 leaves 64 bits; the sanitizers see it.
  EXPECT_THAT(error_of([] { decode(replaced(int16_file(), "(1, 3)", "(1099511627776, 1099511627776)")); }),
              HasSubstr("2^40"));
  EXPECT_THAT(error_of([] { decode(replaced(int16_file(), "(1, 3)", "(1048577, 1048576)")); }), HasSubstr("2^40"));
  EXPECT_THAT(error_of([] { npy_values<float>(decode(int16_file()), "a.npy"); }),
              HasSubstr("a.npy: expected elements of type <f4, got <i2"));
  EXPECT_THAT(error_of([] { npy_from<float>({2}, std::vector<float>{1.0F}); }), HasSubstr("shape and element count"));
}

Checkpoint sample() {
  Checkpoint checkpoint{"int8", "mlp", 18446744073709551615U, 2, 936, {}, 128, 60000, {}};
  checkpoint.tensors["fc1.weight"] = npy_from<float>({2, 1}, std::vector<float>{0.5F, -0.5F});
  checkpoint.tensors["fc1.master"] = npy_from<std::int32_t>({2}, std::vector<std::int32_t>{1 << 22, -5});
  return checkpoint;
}

TEST(Checkpoint, RoundTrips) {
  TemporaryFolder folder;
  const std::string file = folder / "c.npz";
  write_checkpoint(file, sample());
  const Checkpoint read = read_checkpoint(file);
  EXPECT_EQ(read.recipe, "int8");
  EXPECT_EQ(read.network, "mlp");
  EXPECT_EQ(read.seed, 18446744073709551615U);
  EXPECT_EQ(read.epoch, 2);
  EXPECT_EQ(read.step, 936);
  EXPECT_EQ(read.batch, 128);
  EXPECT_EQ(read.train_images, 60000);
  EXPECT_EQ(read.tensors.size(), 2U);
  const NpyArray& master = checkpoint_tensor(read, file, "fc1.master", NpyType::kInt32, {2});
  EXPECT_THAT(npy_values<std::int32_t>(master, file), ElementsAre(1 << 22, -5));
  EXPECT_THAT(error_of([&] { checkpoint_tensor(read, "c", "fc2.master", NpyType::kInt32, {2}); }),
              HasSubstr("c: tensor fc2.master is missing"));
  EXPECT_EQ(error_of([&] {
              checkpoint_tensor(read, "c", "fc1.master", NpyType::kInt32, {3, 1});
            }),
            "c: tensor fc1.master: expected <i4 [3, 1], got <i4 [2]");
}

TEST(Checkpoint, DamageIsFound) {
  TemporaryFolder folder;
  const std::string file = folder / "c.npz";
  write_checkpoint(file, sample());
  std::ifstream stream(file, std::ios::binary);
  const std::string good((std::istreambuf_iterator<char>(stream)), {});
  const auto error = [&](const std::string& bytes) {
    write_bytes(file, bytes);
    return error_of([&] { read_checkpoint(file); });
  };
  EXPECT_THAT(error(good.substr(0, good.size() / 2)), HasSubstr("c.npz: zip:"));
  EXPECT_THAT(error(""), HasSubstr("c.npz: zip:"));
  std::string flipped = good;
  flipped[good.find("NUMPY") + 130] ^= 1;
  EXPECT_THAT(error(flipped), HasSubstr("checksum differs"));
  const ZipEntries foreign{{"x.npy", {}}};
  EXPECT_THAT(error(text_of(encode_zip(foreign))), HasSubstr("expected a bitloom checkpoint with meta.json"));
  EXPECT_THAT(error_of([] { read_checkpoint("/nonexistent/c.npz"); }), HasSubstr("No such file"));
}

/// Returns an archive with another value in a central directory's field of four bytes, counted from its only header.
std::string with_word(std::string archive, std::size_t offset, std::uint32_t value) {
  const std::size_t header = archive.rfind("PK\x01\x02");
  for (std::size_t i = 0; i < 4; ++i) archive[header + offset + i] = static_cast<char>((value >> (8 * i)) & 0xff);
  return archive;
}

// Of one stored byte, the size and the place as they are, and one more than there is.
TEST(Checkpoint, ARecordOneByteLongerThanTheFileIsAnError) {
  const std::string good = text_of(encode_zip({{"a", {std::byte{7}}}}));
  const auto decode = [](const std::string& text) { return decode_zip(std::as_bytes(std::span(text)), "z"); };
  const auto size = static_cast<std::uint32_t>(good.size());
  const std::uint32_t longest = size - 31;  // behind a local header with a name of one letter
  EXPECT_THAT(error_of([&] { decode(with_word(good, 20, longest)); }), HasSubstr("checksum differs"));
  EXPECT_THAT(error_of([&] { decode(with_word(good, 20, longest + 1)); }), HasSubstr("lies beyond the file's end"));
  EXPECT_THAT(error_of([&] { decode(with_word(good, 42, size - 4)); }), HasSubstr("expected a local header"));
  EXPECT_THAT(error_of([&] { decode(with_word(good, 42, size - 3)); }), HasSubstr("lies beyond the file's end"));
}

TEST(Checkpoint, AFileGivenTwiceIsAnError) {
  std::string archive = text_of(encode_zip({{"a", {std::byte{7}}}, {"b", {std::byte{7}}}}));
  for (std::size_t at = 0; (at = archive.find('b', at)) != std::string::npos; ++at) archive[at] = 'a';
  EXPECT_THAT(error_of([&] { decode_zip(std::as_bytes(std::span(archive)), "z"); }), HasSubstr("a: given twice"));
}

TEST(Checkpoint, StepsBeyondTheCounterAreRefused) {
  TemporaryFolder folder;
  Checkpoint checkpoint = sample();
  checkpoint.step = std::int64_t{1} << 62;
  write_checkpoint(folder / "c.npz", checkpoint);
  EXPECT_THAT(error_of([&] { read_checkpoint(folder / "c.npz"); }),
              HasSubstr("c.npz: meta.json: step: expected an integer from 0 to 4294967295, got 4611686018427387904"));
}

TEST(Checkpoint, RealsMustBeFinite) {
  Checkpoint checkpoint = sample();
  checkpoint.tensors["fc1.weight"] =
      npy_from<float>({2, 1}, std::vector<float>{0.5F, std::numeric_limits<float>::infinity()});
  EXPECT_EQ(error_of([&] {
              checkpoint_reals(checkpoint, "c", "fc1.weight", {2, 1});
            }),
            "c: tensor fc1.weight: element 1: expected a finite number, got inf");
}

// Of 2,000 files, whose directory takes more than 65,535 bytes: what its end says of it is where it stands.
TEST(Npy, AHeaderOfMoreThan255BytesIsReadBack) {
  const TemporaryFolder folder;
  round_trip<float>(folder, std::vector<std::int64_t>(90, 1), {5.0F});
}

TEST(Checkpoint, ALongDirectoryIsGivenWithItsSize) {
  ZipEntries entries;
  for (int i = 0; i < 2000; ++i) entries["entry" + std::to_string(i)] = {std::byte{7}};
  const std::vector<std::byte> archive = encode_zip(entries);
  const std::size_t end = archive.size() - 22;
  const auto word = [&](std::size_t at) {
    std::size_t value = 0;
    for (std::size_t i = 0; i < 4; ++i) value |= static_cast<std::size_t>(archive[at + i]) << (8 * i);
    return value;
  };
  EXPECT_EQ(word(end + 12), end - word(end + 16));
  EXPECT_GT(word(end + 12), 65535u);
  EXPECT_EQ(decode_zip(archive, "z"), entries);
}

TEST(Checkpoint, EveryTruncationIsAnError) {
  const ZipEntries entries{{"a", std::vector<std::byte>(70, std::byte{1})}, {"b", {}}};
  const std::vector<std::byte> good = encode_zip(entries);
  EXPECT_EQ(decode_zip(good, "z"), entries);
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_THROW(decode_zip(std::span(good).first(size), "z"), Error) << size;
  }
}

}  // namespace
}  // namespace bitloom
