// Random streams through the judge, the judge seen to fail, copies, and figures that must not make anything earlier.
#include "testbench/sim/dram/streams.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>

namespace bitloom::dram {
namespace {

constexpr int kRequests = 4000;

class Streams : public testing::TestWithParam<int> {
 protected:
  const Figures& f = kFigures[GetParam()];
};

TEST_P(Streams, KeepAllRules) {
  for (const std::uint64_t seed : {1u, 2u, 3u}) {
    for (const int window : {1, 5, Channel::kWindow}) {
      SCOPED_TRACE(fmt::format("{}, seed {}, window {}", f.name, seed, window));
      const std::vector<std::string> faults = stream_faults(f, shipped(f), window, random_requests(f, seed, kRequests));
      EXPECT_EQ(faults.size(), 0u) << faults.front();
    }
  }
}

TEST_P(Streams, OfLongRunsKeepAllRules) {
  for (const bool write : {false, true}) {
    const std::vector<std::string> faults =
        stream_faults(f, shipped(f), Channel::kWindow, sequential(0, 1 << 20, 256, write));
    EXPECT_EQ(faults.size(), 0u) << faults.front();
  }
}

/// HBM3 is the standard in which no figure hides behind another: each one that is a cycle too short makes a random
/// stream break a rule.
TEST(StreamsJudge, FindsAnyFigureThatIsTooShort) {
  const Figures& f = kFigures[4];
  for (const Member& member : kMembers) {
    Device device = shipped(f);
    device.timing.*member.figure -= 1;
    const auto faults = stream_faults(f, device, Channel::kWindow, random_requests(f, 1, kRequests));
    EXPECT_FALSE(faults.empty()) << member.name;
  }
}

TEST_P(Streams, CopiesGoOnAlike) {
  const std::vector<Request> requests = random_requests(f, 4, kRequests);
  Channel channel(shipped(f));
  for (int n = 0; n < kRequests / 2; ++n) channel.request(requests[n]);
  Channel copy = channel;
  const Channel snapshot = channel;
  std::vector<DataSpan> spans;
  for (int n = kRequests / 2; n < kRequests; ++n) spans.push_back(channel.request(requests[n]));
  const std::uint64_t end = spans.back().last + 1;
  EXPECT_NE(copy.counts(end), channel.counts(end));
  EXPECT_EQ(copy.counts(end), snapshot.counts(end));
  for (int n = kRequests / 2; n < kRequests; ++n) {
    ASSERT_EQ(copy.request(requests[n]), spans[n - kRequests / 2]) << n;
  }
  EXPECT_EQ(copy.counts(end), channel.counts(end));
  copy = snapshot;
  EXPECT_EQ(copy.request(requests[kRequests / 2]), spans.front());
}

/// By how many cycles the data of a slow channel come later: at least, at most, and in all.
struct Lag {
  std::int64_t least = INT64_MAX, most = INT64_MIN, sum = 0;
};
Lag lag_of(const Device& fast, const Device& slow, const std::vector<Request>& requests) {
  Channel a(fast), b(slow);
  Lag lag;
  for (const Request& request : requests) {
    const DataSpan early = a.request(request), late = b.request(request);
    for (const std::uint64_t by : {late.first - early.first, late.last - early.last}) {
      lag.least = std::min(lag.least, static_cast<std::int64_t>(by));
      lag.most = std::max(lag.most, static_cast<std::int64_t>(by));
      lag.sum += static_cast<std::int64_t>(by);
    }
  }
  return lag;
}

TEST_P(Streams, ALargerClNeverMakesDataEarlier) {
  for (const int more : {1, 7}) {
    for (int Timing::*figure : {&Timing::cl, &Timing::dqsck}) {
      Device slow = shipped(f);
      slow.timing.*figure += more;
      const std::vector<Request> requests = random_requests(f, 5, kRequests);
      const Lag lag = lag_of(shipped(f), slow, requests);
      EXPECT_EQ(lag.least, 0);  // of writes
      EXPECT_EQ(lag.most, more);
    }
  }
}

/// Other figures move commands, which then meet others on the bus of one command a cycle. So a burst may find it free
/// where the faster channel's did not, and be some cycles earlier, but not in the mean. Without refreshes, which may
/// come on the other side of a burst.
TEST_P(Streams, NoFigureThatGrowsMakesDataEarlierInTheMean) {
  constexpr std::int64_t kMeetings = 16;
  const std::vector<Request> requests = random_requests(f, 5, kRequests);
  for (const Member& member : kMembers) {
    for (const int more : {1, 7}) {
      Device slow = without_refresh(f);
      slow.timing.*member.figure += more;
      const Lag lag = lag_of(without_refresh(f), slow, requests);
      const std::string text = fmt::format("{} {} + {}", f.name, member.name, more);
      EXPECT_GE(lag.least, -kMeetings) << text;
      EXPECT_GE(lag.sum, 0) << text;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, Streams, testing::Range(0, kStandards),
                         [](const auto& each) { return std::string(kFigures[each.param].name); });

}  // namespace
}  // namespace bitloom::dram
