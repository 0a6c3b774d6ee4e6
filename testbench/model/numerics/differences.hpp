#pragma once
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdio>
#include <string>

namespace bitloom::testing {

/// Counts the evaluations that differ and prints how many there were.
class Differences {
 public:
  explicit Differences(const char* rule) : rule_(rule) {}
  void add(bool equal, std::uint64_t a, std::uint64_t b, std::uint64_t evaluations = 1) {
    evaluations_ += evaluations;
    if (equal) return;
    if (count_++ == 0) first_ = std::to_string(a) + ", " + std::to_string(b);
  }
  void expect_none(std::uint64_t evaluations) const {
    std::printf("%s: %llu evaluations\n", rule_, static_cast<unsigned long long>(evaluations_));
    EXPECT_EQ(count_, 0u) << rule_ << ", first at " << first_;
    EXPECT_EQ(evaluations_, evaluations);
  }

 private:
  const char* rule_;
  std::uint64_t evaluations_ = 0;
  std::uint64_t count_ = 0;
  std::string first_;
};

}  // namespace bitloom::testing
