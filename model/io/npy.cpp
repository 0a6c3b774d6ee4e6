#include "model/io/npy.hpp"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <string_view>

#include "model/io/input_file.hpp"
#include "model/io/output_file.hpp"

namespace bitloom {

static_assert(std::endian::native == std::endian::little,
              "the format is little-endian and bytes are copied as they are");

namespace {

constexpr std::string_view kMagic{"\x93NUMPY\x01\x00", 8};
constexpr std::int64_t kMaxElements = std::int64_t{1} << 40;

struct TypeFacts {
  NpyType type;
  const char* descr;
  std::size_t size;
};
constexpr std::array<TypeFacts, 7> kTypes{{{NpyType::kInt8, "|i1", 1},
                                           {NpyType::kUint8, "|u1", 1},
                                           {NpyType::kInt16, "<i2", 2},
                                           {NpyType::kUint16, "<u2", 2},
                                           {NpyType::kInt32, "<i4", 4},
                                           {NpyType::kInt64, "<i8", 8},
                                           {NpyType::kFloat32, "<f4", 4}}};

// Reads the Python dictionary of the header, which is always written in this one order and spelling.
class Header {
 public:
  Header(std::string_view text, const std::string& name) : text_(text), name_(name) {}

  void expect(std::string_view literal) {
    if (text_.substr(0, literal.size()) != literal) {
      fail(fmt::format("expected \"{}\" at \"{}\"", literal, text_.substr(0, 24)));
    }
    text_.remove_prefix(literal.size());
  }
  bool accept(std::string_view literal) {
    if (text_.substr(0, literal.size()) != literal) return false;
    text_.remove_prefix(literal.size());
    return true;
  }
  std::string_view until(char end) {
    const std::size_t length = text_.find(end);
    if (length == std::string_view::npos) fail(fmt::format("expected '{}'", end));
    const std::string_view token = text_.substr(0, length);
    text_.remove_prefix(length + 1);
    return token;
  }
  std::int64_t extent() {
    std::int64_t value = 0;
    std::size_t digits = 0;
    while (digits < text_.size() && text_[digits] >= '0' && text_[digits] <= '9') {
      value = value * 10 + (text_[digits] - '0');
      if (value > kMaxElements) fail("expected a shape of at most 2^40 elements");
      ++digits;
    }
    if (digits == 0) fail("expected a number in the shape");
    text_.remove_prefix(digits);
    return value;
  }
  [[noreturn]] void fail(const std::string& message) const {
    throw Error(fmt::format("{}: npy header: {}", name_, message));
  }

 private:
  std::string_view text_;
  const std::string& name_;
};

NpyType type_of(const Header& header, std::string_view descr) {
  for (const TypeFacts& facts : kTypes) {
    if (descr == facts.descr) return facts.type;
  }
  header.fail(fmt::format("descr: expected |i1, |u1, <i2, <u2, <i4, <i8 or <f4, got {}", descr));
}

NpyArray read_header(std::string_view text, const std::string& name) {
  Header header(text, name);
  NpyArray array;
  header.expect("{'descr': '");
  array.type = type_of(header, header.until('\''));
  header.expect(", 'fortran_order': ");
  if (header.accept("True")) header.fail("fortran_order: expected False, got True");
  header.expect("False, 'shape': (");
  std::int64_t count = 1;
  while (!header.accept(")")) {
    const std::int64_t extent = header.extent();
    if (extent != 0 && count > kMaxElements / extent) header.fail("expected a shape of at most 2^40 elements");
    array.shape.push_back(extent);
    count *= extent;
    if (!header.accept(", ")) header.accept(",");
  }
  header.expect(", }");
  return array;
}

const TypeFacts& facts_of(NpyType type) { return kTypes[static_cast<std::size_t>(type)]; }

}  // namespace

std::size_t npy_size(NpyType type) { return facts_of(type).size; }
const char* npy_descr(NpyType type) { return facts_of(type).descr; }

std::vector<std::byte> encode_npy(const NpyArray& array) {
  std::string shape;
  for (const std::int64_t extent : array.shape) shape += fmt::format("{}{}", shape.empty() ? "" : ", ", extent);
  if (array.shape.size() == 1) shape += ",";
  std::string header =
      fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}", npy_descr(array.type), shape);
  // The data starts at a multiple of 64 bytes; the header ends in a line feed.
  const std::size_t unpadded = kMagic.size() + 2 + header.size() + 1;
  header.append((64 - unpadded % 64) % 64, ' ');
  header += '\n';

  std::string text(kMagic);
  text += static_cast<char>(header.size() & 0xff);
  text += static_cast<char>(header.size() >> 8);
  text += header;
  std::vector<std::byte> content(text.size() + array.bytes.size());
  std::memcpy(content.data(), text.data(), text.size());
  if (!array.bytes.empty()) std::memcpy(content.data() + text.size(), array.bytes.data(), array.bytes.size());
  return content;
}

NpyArray decode_npy(std::span<const std::byte> content, const std::string& name) {
  const std::string_view text(reinterpret_cast<const char*>(content.data()), content.size());
  if (text.substr(0, 6) != kMagic.substr(0, 6)) throw Error(name + ": expected the magic bytes of a .npy file");
  if (text.substr(0, 8) != kMagic) throw Error(name + ": expected .npy format version 1.0");
  if (text.size() < 10) throw Error(name + ": npy header: truncated");
  const std::size_t length = static_cast<std::uint8_t>(text[8]) + 256 * std::size_t{static_cast<std::uint8_t>(text[9])};
  if (text.size() < 10 + length) throw Error(name + ": npy header: truncated");
  NpyArray array = read_header(text.substr(10, length), name);
  const std::size_t expected = static_cast<std::size_t>(array.count()) * npy_size(array.type);
  const auto data = content.subspan(10 + length);
  if (data.size() != expected) {
    throw Error(fmt::format("{}: npy data: expected {} bytes, got {}", name, expected, data.size()));
  }
  array.bytes.assign(data.begin(), data.end());
  return array;
}

void write_npy(const std::string& file, const NpyArray& array) {
  require_regular_file(file);
  const std::vector<std::byte> content = encode_npy(array);
  OutputFile output(file);
  output.write(content.data(), content.size());
  output.commit();
}

NpyArray read_npy(const std::string& file) {
  const std::string content = read_input(file, kLargestState);
  return decode_npy(std::as_bytes(std::span(content)), file);
}

}  // namespace bitloom
