// What memory is left, and the refusal of what needs more.
#include "model/io/memory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "testbench/model/support.hpp"

namespace bitloom {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(AvailableMemory, FollowsTheLimitOfTheAddressSpace) {
  const std::uint64_t before = available_memory();
  EXPECT_GT(before, 1u << 20);
  const pid_t child = fork();
  if (child == 0) {
    constexpr rlim_t kLimit = rlim_t{1} << 29;
    const rlimit limit{kLimit, kLimit};
    setrlimit(RLIMIT_AS, &limit);
    const std::uint64_t left = available_memory();
    _exit(left > 0 && left < kLimit ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

TEST(RequireMemory, SaysWhatIsNeededWhatThereIsAndWhatToChange) {
  const std::string error = test::error_of([] {
    require_memory("network n: training", {{"crumbs", 5e17, "no crumbs"},
                                           {"a few images", 2e18, "fewer images"},
                                           {"many samples", 7.25e20, "a smaller batch"},
                                           {"more images", 2.5e19, "fewer images"}});
  });
  EXPECT_THAT(error, HasSubstr("network n: training would need about 752500.0 PB of memory (725000.0 PB for many "
                               "samples, 25000.0 PB for more images), "));
  EXPECT_THAT(error, HasSubstr(" are available: take a smaller batch or fewer images"));
  EXPECT_THAT(error, Not(HasSubstr("crumbs")));
}

TEST(RequireMemory, TakesWhatFits) {
  require_memory("", {});
  require_memory("", {{"a page", 4096, ""}});
  const auto available = static_cast<double>(available_memory());
  EXPECT_THAT(test::error_of([&] {
                require_memory("", {{"a", 0.75 * available, ""}, {"b", 0.75 * available, ""}});
              }),
              HasSubstr("for a, "))
      << "it is the sum that counts";
}

}  // namespace
}  // namespace bitloom
