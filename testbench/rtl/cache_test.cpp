// Where machines that were made at run time are kept, who may write there, and how damage is found
// (sim/cosim/rtl/cache.hpp); programs that run in the background until they end or an interrupt (child.hpp).
#include "sim/cosim/rtl/cache.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <string>
#include <thread>

#include "model/io/error.hpp"
#include "model/io/interrupt.hpp"
#include "sim/cosim/rtl/child.hpp"
#include "testbench/model/support.hpp"

namespace bitloom {
namespace {
namespace fs = std::filesystem;

class CacheTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* variable : {"BITLOOM_CACHE", "XDG_CACHE_HOME", "HOME"}) unsetenv(variable);
  }
  void TearDown() override { set_interrupted(false); }

  test::TemporaryFolder temporary_;
  fs::path folder_ = temporary_.path();
};

TEST_F(CacheTest, FollowsTheRulesOfXdg) {
  const fs::path of_the_user = cache_path();  // of the user database, as there is no HOME
  EXPECT_TRUE(of_the_user.is_absolute());
  EXPECT_TRUE(of_the_user.string().ends_with("/.cache/bitloom")) << of_the_user;
  setenv("HOME", "/nowhere/me", 1);
  EXPECT_EQ(cache_path(), "/nowhere/me/.cache/bitloom");
  setenv("XDG_CACHE_HOME", "", 1);
  EXPECT_EQ(cache_path(), "/nowhere/me/.cache/bitloom");
  setenv("XDG_CACHE_HOME", "relative", 1);
  EXPECT_EQ(cache_path(), "/nowhere/me/.cache/bitloom");
  setenv("XDG_CACHE_HOME", "/elsewhere", 1);
  EXPECT_EQ(cache_path(), "/elsewhere/bitloom");
  setenv("BITLOOM_CACHE", "", 1);
  EXPECT_EQ(cache_path(), "/elsewhere/bitloom");
  setenv("BITLOOM_CACHE", "x", 1);
  EXPECT_EQ(cache_path(), fs::current_path() / "x");
  setenv("HOME", "relative", 1);
  unsetenv("BITLOOM_CACHE");
  unsetenv("XDG_CACHE_HOME");
  EXPECT_EQ(cache_path(), of_the_user);
}

TEST_F(CacheTest, IsTheUsersOwnFolder) {
  const fs::path cache = folder_ / "deep" / "cache";
  setenv("BITLOOM_CACHE", cache.c_str(), 1);
  EXPECT_EQ(own_cache_folder(), cache);
  EXPECT_EQ(static_cast<unsigned>(fs::status(cache).permissions()), 0700u);
  fs::permissions(cache, fs::perms(0777));
  own_cache_folder();
  EXPECT_EQ(static_cast<unsigned>(fs::status(cache).permissions()), 0700u);
  const fs::path file = folder_ / "file";
  std::ofstream(file) << "x";
  setenv("BITLOOM_CACHE", file.c_str(), 1);
  EXPECT_THAT(test::error_of([] { own_cache_folder(); }), ::testing::HasSubstr("it is not a folder"));
}

TEST_F(CacheTest, RefusesAnotherUsersFolder) {
  // Making the case takes a change of owner, which the system lets no other user do.
  if (geteuid() != 0) GTEST_SKIP() << "only root may give a folder away";
  constexpr uid_t kAnother = 12345;
  ASSERT_EQ(chown(folder_.c_str(), kAnother, kAnother), 0);
  setenv("BITLOOM_CACHE", folder_.c_str(), 1);
  EXPECT_THAT(test::error_of([] { own_cache_folder(); }), ::testing::HasSubstr("it belongs to another user"));
}

TEST_F(CacheTest, ASealBreaksByDamage) {
  const fs::path file = folder_ / "library.so";
  EXPECT_FALSE(is_sealed(file));
  std::ofstream(file) << "content";
  EXPECT_FALSE(is_sealed(file)) << "a file without a seal is not complete";
  seal(file);
  EXPECT_TRUE(is_sealed(file));
  std::ofstream(file) << "contenT";
  EXPECT_FALSE(is_sealed(file));
}

TEST_F(CacheTest, ALockHasOneHolder) {
  const fs::path path = folder_ / "lock";
  int ticks = 0;
  {
    const FileLock held(path, {});
    EXPECT_THROW(FileLock(path,
                          [&] {
                            if (++ticks == 2) set_interrupted(true);
                          }),
                 Interrupted);
  }
  EXPECT_EQ(ticks, 2);
  EXPECT_FALSE(fs::exists(path));
}

TEST_F(CacheTest, AChildsErrorsAreTold) {
  run_child({"true"}, {});
  EXPECT_EQ(test::error_of([] { run_child({"sh", "-c", "echo wrong; exit 3"}, {}); }), "sh failed:\nwrong\n");
  EXPECT_THAT(test::error_of([] { run_child({"/no/such/program"}, {}); }), ::testing::HasSubstr("/no/such/program"));
}

// The shell's own child holds the pipe open: were it not killed too, this would last as long as it sleeps.
TEST_F(CacheTest, AnInterruptKillsAChildAndItsChildren) {
  const auto begin = std::chrono::steady_clock::now();
  const std::string mark = (folder_ / "lived").string();
  EXPECT_THROW(run_child({"sh", "-c", "(sleep 2; touch " + mark + ") & sleep 60"}, [] { set_interrupted(true); }),
               Interrupted);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(1));
  std::this_thread::sleep_for(std::chrono::milliseconds(2500));
  EXPECT_FALSE(fs::exists(mark)) << "a child of the child ran on";
}

}  // namespace
}  // namespace bitloom
