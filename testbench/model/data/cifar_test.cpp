#include "model/data/cifar.hpp"

#include <zlib.h>

#include "testbench/model/support.hpp"

namespace bitloom {
namespace {

using test::error_of;
using test::TemporaryFolder;
using test::write_bytes;
using testing::ElementsAre;
using testing::HasSubstr;

// A record whose values tell colour and place.
std::string record(int label, int red, int green, int blue, int first_blue) {
  std::string bytes(1, static_cast<char>(label));
  for (const int value : {red, green, blue}) bytes.append(1024, static_cast<char>(value));
  bytes[1 + 2048] = static_cast<char>(first_blue);
  bytes[1 + 33] = 99;  // red of row 1, column 1
  return bytes;
}

void write_gzip(const std::string& file, const std::string& bytes) {
  const gzFile stream = gzopen(file.c_str(), "wb");
  gzwrite(stream, bytes.data(), static_cast<unsigned>(bytes.size()));
  gzclose(stream);
}

class Cifar : public testing::Test {
 protected:
  std::string read_error(const std::string& bytes) {
    write_bytes(folder_ / "f.bin", bytes);
    return error_of([&] { read_cifar({folder_ / "f.bin"}); });
  }
  TemporaryFolder folder_;
};

TEST_F(Cifar, PlanesBecomePixels) {
  write_bytes(folder_ / "f.bin", record(3, 10, 20, 30, 31) + record(9, 1, 2, 255, 4));
  const Dataset data = read_cifar({folder_ / "f.bin"});
  EXPECT_EQ(std::vector<int>({data.channels, data.rows, data.cols, data.classes}), std::vector<int>({3, 32, 32, 10}));
  EXPECT_EQ(data.pixels(), 3072);
  EXPECT_THAT(data.labels, ElementsAre(3, 9));
  EXPECT_THAT(data.image(0).first(6), ElementsAre(10, 20, 31, 10, 20, 30));
  EXPECT_THAT(data.image(0).subspan(99, 3), ElementsAre(99, 20, 30));  // row 1, column 1
  EXPECT_THAT(data.image(1).last(3), ElementsAre(1, 2, 255));
}

TEST_F(Cifar, AFileOfMoreThanOneReadIsWhole) {  // 16 MiB are read at once
  constexpr int kRecords = 5500;
  std::string bytes;
  for (int i = 0; i < kRecords; ++i) bytes += record(static_cast<char>(i % 10), static_cast<char>(i % 7), 2, 3, 4);
  write_bytes(folder_ / "f.bin", bytes);
  const Dataset data = read_cifar({folder_ / "f.bin"});
  ASSERT_EQ(data.size(), kRecords);
  for (int i = 0; i < kRecords; ++i) {
    ASSERT_EQ(data.labels[static_cast<std::size_t>(i)], i % 10);
    ASSERT_EQ(data.image(static_cast<std::size_t>(i))[0], i % 7);
  }
}

TEST_F(Cifar, FolderOfAPart) {
  write_gzip(folder_ / "data_batch_2.bin.gz", record(2, 0, 0, 0, 0));
  write_bytes(folder_ / "data_batch_1.bin", record(1, 0, 0, 0, 0) + record(0, 0, 0, 0, 0));
  write_gzip(folder_ / "data_batch_1.bin.gz", record(7, 0, 0, 0, 0));  // the plain file comes first
  EXPECT_TRUE(is_cifar_folder(folder_.path()));
  EXPECT_THAT(error_of([&] { read_image_folder(folder_.path()); }), HasSubstr("no file test_batch*.bin"));
  write_gzip(folder_ / "test_batch_5k.bin.gz", record(5, 0, 0, 0, 0));
  const DataPair pair = read_image_folder(folder_.path());
  EXPECT_THAT(pair.train.labels, ElementsAre(1, 0, 2));
  EXPECT_THAT(pair.test.labels, ElementsAre(5));
}

TEST_F(Cifar, OtherFoldersAreIdx) {
  EXPECT_FALSE(is_cifar_folder(folder_.path()));
  EXPECT_THAT(error_of([&] { read_image_folder(folder_.path()); }), HasSubstr("-ubyte: no such file"));
  EXPECT_THAT(error_of([] { read_image_folder("/nonexistent"); }), HasSubstr("/nonexistent: no such data folder"));
  EXPECT_THAT(error_of([] { read_cifar_folder("/nonexistent"); }), HasSubstr("/nonexistent: no such data folder"));
}

TEST_F(Cifar, Errors) {
  const std::string one = record(1, 0, 0, 0, 0);
  EXPECT_THAT(read_error(""), HasSubstr("f.bin: records: expected one or more of 3073 bytes, got 0 and 0 bytes"));
  EXPECT_THAT(read_error(one + one.substr(0, 3072)),
              HasSubstr("f.bin: records: expected one or more of 3073 bytes, got 1 and 3072 bytes"));
  EXPECT_THAT(read_error(one + record(10, 0, 0, 0, 0)), HasSubstr("f.bin: record 1: label: expected 0 to 9, got 10"));
  EXPECT_THAT(error_of([&] { read_cifar({folder_ / "none"}); }), HasSubstr("No such file"));
  write_gzip(folder_ / "f.gz", one);
  std::ifstream stream(folder_ / "f.gz", std::ios::binary);
  std::string packed{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  EXPECT_THAT(read_error(packed.substr(0, packed.size() - 4)), HasSubstr("f.bin: gzip data: truncated"));
  packed[packed.size() - 6] ^= 1;  // in the checksum
  EXPECT_THAT(read_error(packed), HasSubstr("f.bin: gzip data:"));
}

Network network_of(const std::string& input) {
  const std::string flatten = input == "[784]" || input == "[3072]" ? "" : R"({"name": "f", "op": "flatten"},)";
  return read_network(JsonObject::from_text("{\"name\": \"n\", \"input\": " + input + ", \"layers\": [" + flatten +
                                                R"({"name": "fc", "op": "linear", "out": 10, "bias": true},
                                                   {"name": "loss", "op": "softmax_cross_entropy"}]})",
                                            "n.json"));
}

TEST(ImageFit, GreyAndColour) {
  Dataset grey{"grey", 28, 28, 10, {}, {}};
  require_fit(network_of("[784]"), grey);
  require_fit(network_of("[1, 28, 28]"), grey);
  EXPECT_EQ(error_of([&] { require_fit(network_of("[1, 14, 56]"), grey); }),
            "grey: images of 28×28, but network n expects 14 rows, 56 columns and 1 channel(s)");
  Dataset colour{"colour", 32, 32, 10, {}, {}, 3};
  require_fit(network_of("[3072]"), colour);
  require_fit(network_of("[3, 32, 32]"), colour);
  EXPECT_EQ(error_of([&] { require_fit(network_of("[1, 28, 28]"), colour); }),
            "colour: images of 3072 pixels (32×32 in 3 channels), but network n expects 784 inputs");
}

TEST(Dataset, HoldOutKeepsColours) {
  Dataset data{"c", 1, 1, 10, {1, 2, 3, 4, 5, 6}, {0, 1}, 3};
  const DataPair pair = hold_out(data, 1);
  EXPECT_EQ(pair.test.channels, 3);
  EXPECT_THAT(pair.test.image(0), ElementsAre(4, 5, 6));
}

}  // namespace
}  // namespace bitloom
