#include "sim/tokens.hpp"

#include <gtest/gtest.h>

namespace bitloom {
namespace {

constexpr std::array<bool, 3> kAll{true, true, true};
constexpr std::array<bool, 3> kFirst{true, false, false};

TokenField token(std::uint8_t id) { return {true, id, 0}; }

TEST(Tokens, AWaitTakesTheOldestTokenAndKnowsItsEdge) {
  TokenCounters tokens;
  const std::array<TokenField, 3> fields{token(9)};
  EXPECT_FALSE(tokens.check(fields, kFirst).satisfied);
  EXPECT_EQ(tokens.check(fields, kFirst).id, 9u);
  ASSERT_TRUE(tokens.signal(9, 100));
  ASSERT_TRUE(tokens.signal(9, 140));
  EXPECT_EQ(tokens.check(fields, kFirst).edge, 100u);
  tokens.take(fields, kFirst);
  EXPECT_EQ(tokens.check(fields, kFirst).edge, 140u);
  tokens.take(fields, kFirst);
  EXPECT_TRUE(tokens.all_zero());
}

TEST(Tokens, TwoWaitsOnOneCounterNeedTwoTokens) {
  TokenCounters tokens;
  const std::array<TokenField, 3> fields{token(4), token(7), token(4)};
  ASSERT_TRUE(tokens.signal(4, 10));
  ASSERT_TRUE(tokens.signal(7, 12));
  EXPECT_FALSE(tokens.check(fields, kAll).satisfied);
  ASSERT_TRUE(tokens.signal(4, 30));
  const TokenCounters::Waits waits = tokens.check(fields, kAll);
  EXPECT_TRUE(waits.satisfied);
  EXPECT_EQ(waits.edge, 30u);
  EXPECT_EQ(waits.id, 4u);
  tokens.take(fields, kAll);
  EXPECT_TRUE(tokens.all_zero());
}

TEST(Tokens, WaitsThatDoNotApplyNeedNothing) {
  const TokenCounters tokens;
  const std::array<TokenField, 3> fields{token(4), token(7), token(4)};
  EXPECT_TRUE(tokens.check(fields, {false, false, false}).satisfied);
}

TEST(Tokens, ACounterHolds255) {
  TokenCounters tokens;
  for (std::uint64_t n = 0; n < 255; ++n) ASSERT_TRUE(tokens.signal(31, n));
  EXPECT_FALSE(tokens.signal(31, 255));
  tokens.reset();
  EXPECT_TRUE(tokens.all_zero());
}

}  // namespace
}  // namespace bitloom
