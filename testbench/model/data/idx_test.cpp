#include "model/data/idx.hpp"

#include <zlib.h>

#include "testbench/model/support.hpp"

namespace bitloom {
namespace {

using test::error_of;
using test::TemporaryFolder;
using test::write_bytes;
using testing::ElementsAre;
using testing::HasSubstr;

std::string big_endian(std::uint32_t value) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>((value >> shift) & 0xff);
  return bytes;
}

std::string images(std::uint32_t magic = 0x803, std::uint32_t count = 3) {
  return big_endian(magic) + big_endian(count) + big_endian(2) + big_endian(2) +
         std::string("\x00\x01\x02\x03\xff\x05\x06\x07\x08\x09\x0a\x0b", 12);
}
std::string labels(std::uint32_t count = 3, char last = 9) {
  return big_endian(0x801) + big_endian(count) + std::string("\x00\x04", 2) + last;
}

std::string gzip(const std::string& bytes) {
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string packed(bytes.size() + 100, '\0');
  std::string input = bytes;
  stream.next_in = reinterpret_cast<Bytef*>(input.data());
  stream.avail_in = static_cast<unsigned>(input.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<unsigned>(packed.size());
  deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

class Idx : public testing::Test {
 protected:
  Dataset read(const std::string& image_bytes, const std::string& label_bytes) {
    write_bytes(folder_ / "images", image_bytes);
    write_bytes(folder_ / "labels", label_bytes);
    return read_idx(folder_ / "images", folder_ / "labels");
  }
  std::string read_error(const std::string& image_bytes, const std::string& label_bytes) {
    return error_of([&] { read(image_bytes, label_bytes); });
  }
  TemporaryFolder folder_;
};

TEST_F(Idx, PlainAndGzip) {
  for (const bool packed : {false, true}) {
    const Dataset data = packed ? read(gzip(images()), gzip(labels())) : read(images(), labels());
    EXPECT_EQ(data.size(), 3);
    EXPECT_EQ(data.rows, 2);
    EXPECT_EQ(data.cols, 2);
    EXPECT_EQ(data.classes, 10);
    EXPECT_THAT(data.image(1), ElementsAre(255, 5, 6, 7));
    EXPECT_THAT(data.labels, ElementsAre(0, 4, 9));
  }
}

TEST_F(Idx, Folder) {
  write_bytes(folder_ / "train-images-idx3-ubyte", images());
  write_bytes(folder_ / "train-labels-idx1-ubyte.gz", gzip(labels()));
  write_bytes(folder_ / "t10k-images-idx3-ubyte.gz", gzip(images()));
  EXPECT_THAT(error_of([&] { read_idx_folder(folder_.path()); }),
              HasSubstr(folder_ / "t10k-labels-idx1-ubyte: no such file, nor t10k-labels-idx1-ubyte.gz"));
  write_bytes(folder_ / "t10k-labels-idx1-ubyte", labels(3, 1));
  const DataPair pair = read_idx_folder(folder_.path());
  EXPECT_THAT(pair.train.labels, ElementsAre(0, 4, 9));
  EXPECT_THAT(pair.test.labels, ElementsAre(0, 4, 1));
  EXPECT_THAT(error_of([] { read_idx_folder("/nonexistent"); }), HasSubstr("/nonexistent: no such data folder"));
}

TEST_F(Idx, MissingFile) {
  EXPECT_THAT(error_of([&] { read_idx(folder_ / "none", folder_ / "none"); }),
              AllOf(HasSubstr(folder_ / "none"), HasSubstr("No such file")));
  EXPECT_THAT(error_of([&] { read_idx(folder_.path(), folder_.path()); }), HasSubstr("cannot read the file"));
}

TEST_F(Idx, WrongMagic) {
  EXPECT_THAT(read_error(images(0x801), labels()),
              HasSubstr("images: magic number: expected 0x00000803, got 0x00000801"));
  EXPECT_THAT(read_error(images(), images()), HasSubstr("labels: magic number: expected 0x00000801, got 0x00000803"));
}

TEST_F(Idx, TruncatedPlain) {
  EXPECT_THAT(read_error(images().substr(0, 27), labels()),
              HasSubstr("images: pixels: truncated: expected 12 bytes, got 11"));
  EXPECT_THAT(read_error(images().substr(0, 10), labels()),
              HasSubstr("images: row count: truncated: expected 4 bytes, got 2"));
  EXPECT_THAT(read_error("", labels()), HasSubstr("images: magic number: truncated"));
  EXPECT_THAT(read_error(images(), labels().substr(0, 10)),
              HasSubstr("labels: labels: truncated: expected 3 bytes, got 2"));
}

TEST_F(Idx, TruncatedOrDamagedGzip) {
  const std::string packed = gzip(images());
  EXPECT_THAT(read_error(packed.substr(0, packed.size() - 12), gzip(labels())),
              HasSubstr("images: gzip data: truncated"));
  EXPECT_THAT(read_error(packed.substr(0, packed.size() - 1), gzip(labels())),
              HasSubstr("images: gzip data: truncated"));
  std::string damaged = packed;
  damaged[damaged.size() - 6] ^= 1;  // in the checksum
  EXPECT_THAT(read_error(damaged, gzip(labels())), HasSubstr("images: gzip data:"));
}

TEST_F(Idx, ExtraBytes) {
  EXPECT_THAT(read_error(images() + "x", labels()), HasSubstr("images: expected the file's end"));
  EXPECT_THAT(read_error(images(), gzip(labels() + "x")), HasSubstr("labels: expected the file's end"));
}

TEST_F(Idx, Counts) {
  EXPECT_THAT(read_error(images(), labels(2)), HasSubstr("labels: label count: expected 3 as in"));
  EXPECT_THAT(read_error(images(0x803, 0), labels()), HasSubstr("image count: expected 1 to 100000000, got 0"));
  EXPECT_THAT(read_error(images(0x803, 99'000'000), labels()), HasSubstr("pixels: truncated"));
  // 1.7 · 10^15 bytes, for which no memory may be asked before they are there.
  const std::string vast = big_endian(0x803) + big_endian(100'000'000) + big_endian(4096) + big_endian(4096);
  EXPECT_THAT(read_error(vast + "x", labels()), HasSubstr("pixels: truncated"));
}

TEST_F(Idx, LargestExtents) {  // 4096 rows or columns
  for (const bool tall : {true, false}) {
    const auto extents = [&](std::uint32_t extent) {
      return big_endian(0x803) + big_endian(1) + big_endian(tall ? extent : 1) + big_endian(tall ? 1 : extent) +
             std::string(extent, '\x01');
    };
    const std::string label = big_endian(0x801) + big_endian(1) + std::string(1, '\x03');
    EXPECT_EQ(read(extents(4096), label).pixels(), 4096);
    EXPECT_THAT(read_error(extents(4097), label), HasSubstr("count: expected 1 to 4096, got 4097"));
  }
}

TEST_F(Idx, MoreImagesThan16BitsCount) {
  constexpr std::uint32_t kImages = 70000;
  const std::string pixels = big_endian(0x803) + big_endian(kImages) + big_endian(1) + big_endian(1);
  const Dataset data = read(pixels + std::string(kImages, '\x05'),
                            big_endian(0x801) + big_endian(kImages) + std::string(kImages, '\x03'));
  EXPECT_EQ(data.size(), kImages);
}

TEST_F(Idx, LabelOutOfRange) {
  EXPECT_THAT(read_error(images(), labels(3, 10)), HasSubstr("labels: label 2: expected 0 to 9, got 10"));
}

Dataset numbered(int count) {
  Dataset data{"numbered", 1, 2, 10, {}, {}};
  for (int i = 0; i < count; ++i) {
    data.images.insert(data.images.end(), 2, static_cast<std::uint8_t>(i));
    data.labels.push_back(static_cast<std::uint8_t>(i));
  }
  return data;
}

TEST(Dataset, HoldOutTakesTheLast) {
  const DataPair pair = hold_out(numbered(5), 2);
  EXPECT_THAT(pair.train.labels, ElementsAre(0, 1, 2));
  EXPECT_THAT(pair.train.images, ElementsAre(0, 0, 1, 1, 2, 2));
  EXPECT_THAT(pair.test.labels, ElementsAre(3, 4));
  EXPECT_THAT(pair.test.image(1), ElementsAre(4, 4));
  EXPECT_THAT(error_of([] { hold_out(numbered(5), 5); }), HasSubstr("expected 1 to 4 images, got 5"));
  EXPECT_THAT(error_of([] { hold_out(numbered(5), 0); }), HasSubstr("expected 1 to 4 images, got 0"));
}

TEST(Dataset, MustFitTheNetwork) {
  const Network network = read_network(test::source_file("traces/networks/mlp_odd.json"));
  EXPECT_EQ(error_of([&] { require_fit(network, numbered(5)); }),
            "numbered: images of 2 pixels (1×2), but network mlp_odd expects 61 inputs");
}

}  // namespace
}  // namespace bitloom
