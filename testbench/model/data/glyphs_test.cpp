#include "model/data/glyphs.hpp"

#include <algorithm>

#include "model/train/content.hpp"
#include "testbench/model/support.hpp"

namespace bitloom {
namespace {

using test::error_of;
using testing::HasSubstr;

TEST(Glyphs, DependOnSeedAndIndexOnly) {
  const Dataset few = generate_glyphs(20, 7);
  const Dataset many = generate_glyphs(50, 7);
  EXPECT_TRUE(std::equal(few.images.begin(), few.images.end(), many.images.begin()));
  EXPECT_TRUE(std::equal(few.labels.begin(), few.labels.end(), many.labels.begin()));
  EXPECT_NE(generate_glyphs(20, 8).images, few.images);
  const DataPair pair = generate_glyph_pair(50, 20, 7);
  EXPECT_EQ(pair.train.images, many.images);
  EXPECT_NE(pair.test.images, few.images);
}

TEST(Glyphs, HaveTenBalancedClasses) {
  const Dataset data = generate_glyphs(5000, 1);
  EXPECT_EQ(data.rows, 28);
  EXPECT_EQ(data.cols, 28);
  std::vector<int> counts(10, 0);
  for (const std::uint8_t label : data.labels) ++counts.at(label);
  for (const int count : counts) EXPECT_NEAR(count, 500, 5 * 21);  // standard deviation 21
}

TEST(Glyphs, FillTheRangeOfPixels) {
  const Dataset data = generate_glyphs(100, 1);
  EXPECT_EQ(*std::min_element(data.images.begin(), data.images.end()), 0);
  EXPECT_GT(*std::max_element(data.images.begin(), data.images.end()), 250);
  for (std::int64_t i = 0; i < data.size(); ++i) {
    const auto image = data.image(i);
    EXPECT_GT(std::count_if(image.begin(), image.end(), [](std::uint8_t pixel) { return pixel > 100; }), 20) << i;
  }
}

TEST(Glyphs, FlatHasAnySize) {
  const Dataset whole = generate_flat(5, 784, 10, 3);
  const Dataset square = generate_glyphs(5, 3);
  EXPECT_EQ(whole.images, square.images);
  EXPECT_EQ(whole.labels, square.labels);
  const Dataset odd = generate_flat(5, 61, 10, 3);
  EXPECT_EQ(odd.rows, 1);
  EXPECT_EQ(odd.cols, 61);
  EXPECT_EQ(odd.images.size(), 305U);
  EXPECT_EQ(odd.labels, square.labels);
  // Cell (0, 0) of an 8×8 grid is the mean of the 3×3 pixels at the corner.
  for (std::int64_t image = 0; image < 5; ++image) {
    int sum = 0;
    for (const std::size_t pixel : {0U, 1U, 2U, 28U, 29U, 30U, 56U, 57U, 58U}) sum += square.image(image)[pixel];
    EXPECT_EQ(odd.image(image)[0], (2 * sum + 9) / 18);
  }
  const Dataset large = generate_flat(2, 2000, 3, 3);
  EXPECT_EQ(large.cols, 2000);
  EXPECT_EQ(large.images[0], generate_flat(2, 784, 3, 3).images[0]);
  for (const std::uint8_t label : large.labels) EXPECT_LT(label, 3);
}

TEST(Glyphs, Errors) {
  EXPECT_THAT(error_of([] { generate_glyphs(0, 1); }), HasSubstr("image count: expected 1 to"));
  EXPECT_THAT(error_of([] { generate_flat(1, 0, 10, 1); }), HasSubstr("features: expected 1 to"));
  EXPECT_THAT(error_of([] { generate_flat(1, 10, 11, 1); }), HasSubstr("classes: expected 1 to 10, got 11"));
}

// The accuracies that docs print of glyphs are of these pixels: recorded once, so that every machine and every version
// draws the same ones. It says nothing of their quality.
TEST(Glyphs, AreTheSameEverywhere) {
  EXPECT_EQ(content_hash(generate_glyphs(200, 7)), "11a0f7f69e4cc987d44ddb7c5f3f380055955667ab01761c8b50a3f28855d4d9");
}

}  // namespace
}  // namespace bitloom
