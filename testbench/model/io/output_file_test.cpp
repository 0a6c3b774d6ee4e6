// Files that appear whole or not at all (model/io/output_file.hpp).
#include "model/io/output_file.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>

#include "model/io/error.hpp"
#include "model/io/interrupt.hpp"

namespace bitloom {
namespace {
namespace fs = std::filesystem;

class OutputFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "bitloom-output.XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  static std::string text(const std::string& file) {
    std::ifstream stream(file);
    std::ostringstream all;
    all << stream.rdbuf();
    return all.str();
  }
  int files() const {
    return static_cast<int>(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
  }
  template <class Function>
  static std::string message(const Function& function) {
    try {
      function();
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  }

  fs::path folder_;
};

TEST_F(OutputFileTest, TheOldFileStaysUntilCommit) {
  write_file(path("a"), "old");
  {
    OutputFile file(path("a"));
    file.write("new and longer");
    EXPECT_EQ(text(path("a")), "old");
    file.commit();
  }
  EXPECT_EQ(text(path("a")), "new and longer");
  EXPECT_EQ(files(), 1);
}

TEST_F(OutputFileTest, WithoutCommitNothingIsLeft) {
  write_file(path("a"), "old");
  {
    OutputFile file(path("a"));
    file.write("half");
  }
  EXPECT_EQ(text(path("a")), "old");
  EXPECT_EQ(files(), 1);
}

TEST_F(OutputFileTest, FollowsALink) {
  write_file(path("target"), "old");
  fs::create_symlink("target", path("link"));
  write_file(path("link"), "new");
  EXPECT_TRUE(fs::is_symlink(path("link")));
  EXPECT_EQ(text(path("target")), "new");
}

// A pipe first: were it replaced, this must stop before it touches a real device.
TEST_F(OutputFileTest, DoesNotReplaceAPipeOrDevice) {
  ASSERT_EQ(mkfifo(path("pipe").c_str(), 0600), 0);
  const int reader = open(path("pipe").c_str(), O_RDONLY | O_NONBLOCK);
  ASSERT_GE(reader, 0);
  write_file(path("pipe"), "through");
  ASSERT_TRUE(fs::is_fifo(path("pipe")));
  std::string got(16, ' ');
  got.resize(static_cast<std::size_t>(read(reader, got.data(), got.size())));
  close(reader);
  EXPECT_EQ(got, "through");
  EXPECT_EQ(message([] { write_file("/dev/full", "x"); }), "/dev/full: cannot write the file: No space left on device");
}

TEST_F(OutputFileTest, WritesTheFileBehindALinkThatIsNotThereYet) {
  fs::create_symlink("later", path("link"));
  write_file(path("link"), "new");
  EXPECT_TRUE(fs::is_symlink(path("link")));
  EXPECT_EQ(text(path("later")), "new");
}

TEST_F(OutputFileTest, KeepsTheModeAndHeedsTheUmask) {
  const auto mode = [&](const std::string& name) {
    return static_cast<unsigned>(fs::status(path(name)).permissions());
  };
  write_file(path("private"), "old");
  fs::permissions(path("private"), fs::perms(0600));
  write_file(path("private"), "new");
  EXPECT_EQ(mode("private"), 0600u);
  const mode_t before = umask(0027);
  write_file(path("masked"), "new");
  umask(before);
  EXPECT_EQ(mode("masked"), 0640u);
}

// A log that is appended to is not written from its start, and what is written through /dev/fd/N is not renamed to it.
TEST_F(OutputFileTest, WritesThroughAnOpenDescriptor) {
  write_file(path("log"), "kept\n");
  const int log = open(path("log").c_str(), O_WRONLY | O_APPEND);
  ASSERT_GE(log, 0);
  write_file("/dev/fd/" + std::to_string(log), "added\n");
  fs::create_symlink("/proc/self/fd/" + std::to_string(log), path("link"));
  write_file(path("link"), "more\n");
  close(log);
  EXPECT_EQ(text(path("log")), "kept\nadded\nmore\n");
  EXPECT_TRUE(fs::is_symlink(path("link")));
  EXPECT_THAT(message([&] { write_file(path("link"), "x"); }), ::testing::HasSubstr("the descriptor is closed"));
  EXPECT_TRUE(fs::is_symlink(path("link")));
}

TEST_F(OutputFileTest, ALongPipeGetsAllBytes) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const std::string sent(1 << 20, 'x');
  std::string got;
  std::thread reader([&] {
    std::string part(65536, ' ');
    for (ssize_t n = 0; (n = read(ends[0], part.data(), part.size())) > 0;)
      got.append(part, 0, static_cast<std::size_t>(n));
  });
  write_file("/dev/fd/" + std::to_string(ends[1]), sent);
  close(ends[1]);
  reader.join();
  close(ends[0]);
  EXPECT_EQ(got, sent);
}

TEST_F(OutputFileTest, AnInterruptEndsTheWaitForAReader) {
  ASSERT_EQ(mkfifo(path("pipe").c_str(), 0600), 0);
  set_interrupted(true);
  EXPECT_THROW(write_file(path("pipe"), "x"), Interrupted);
  set_interrupted(false);
}

TEST_F(OutputFileTest, TheLongestNameIsWritten) {
  const std::string name(255, 'n');
  write_file(path(name), "x");
  EXPECT_EQ(text(path(name)), "x");
  EXPECT_EQ(files(), 1);
}

TEST_F(OutputFileTest, AFileWrittenByItsName) {
  write_file(path("waves"), "old");
  fs::permissions(path("waves"), fs::perms(0640));
  fs::create_symlink("waves", path("link"));
  {
    OutputByName output(path("link"));
    write_file(output.name(), "half");
  }
  EXPECT_EQ(text(path("waves")), "old");
  {
    OutputByName output(path("link"));
    write_file(output.name(), "new");
    output.commit();
  }
  EXPECT_EQ(text(path("waves")), "new");
  EXPECT_TRUE(fs::is_symlink(path("link")));
  EXPECT_EQ(static_cast<unsigned>(fs::status(path("waves")).permissions()), 0640u);
  EXPECT_EQ(files(), 2) << "nothing else is left";
  EXPECT_THAT(message([] { OutputByName("/dev/null"); }), ::testing::HasSubstr("expected a regular file"));
}

TEST_F(OutputFileTest, ErrorsNameThePathAndTheReason) {
  const std::string missing = path("gone/a");
  EXPECT_EQ(message([&] { write_file(missing, "x"); }),
            missing + ": cannot write the file: " + path("gone") + " is no folder");
  fs::create_directory(path("folder"));
  EXPECT_EQ(message([&] { write_file(path("folder"), "x"); }),
            path("folder") + ": cannot write the file: it is a folder");
  fs::create_symlink("round", path("round"));
  EXPECT_EQ(message([&] { write_file(path("round"), "x"); }),
            path("round") + ": cannot write the file: Too many levels of symbolic links");
  EXPECT_THAT(message([] { write_file(std::string(300, 'n'), "x"); }), ::testing::HasSubstr("File name too long"));
}

TEST_F(OutputFileTest, RequiredPlaces) {
  require_writable_folder(path("new"));
  require_writable_folder(path("new/deep/"));
  EXPECT_TRUE(fs::is_directory(path("new/deep")));
  EXPECT_TRUE(fs::is_empty(path("new/deep")));
  require_writable_target(path("new/deep/out.json"));
  EXPECT_TRUE(fs::is_empty(path("new/deep")));
  EXPECT_EQ(message([&] { require_writable_folder(path("gone/deep")); }),
            path("gone/deep") + ": cannot create the output folder: No such file or directory");
  EXPECT_EQ(message([&] { require_writable_target(path("gone/out.json")); }),
            path("gone/out.json") + ": cannot write the file: " + path("gone") + " is no folder");
  EXPECT_FALSE(fs::exists(path("gone"))) << "a misspelt folder was made";
  write_file(path("file"), "");
  EXPECT_THAT(message([&] { require_writable_folder(path("file")); }), ::testing::HasSubstr(path("file")));
  EXPECT_THAT(message([&] { require_writable_target(path("file/out")); }), ::testing::HasSubstr(path("file")));
  EXPECT_EQ(message([&] { require_writable_target(path("new")); }),
            path("new") + ": cannot write the file: it is a folder");
}

}  // namespace
}  // namespace bitloom
