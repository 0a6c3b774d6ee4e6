#pragma once
#include <sys/stat.h>

#include <string>

namespace bitloom {

/// What lies where a command is asked to write.
enum class PlaceKind {
  kFile,        ///< a regular file, or nothing yet
  kStream,      ///< a pipe or a character device, opened by its path
  kDescriptor,  ///< an open descriptor of this process: /dev/stdout, /dev/fd/N, a shell's >(…)
};

/// The place that a path means, with all links followed. An output is written there and nowhere else.
struct OutputPlace {
  std::string path;  ///< as the user gave it, for messages
  PlaceKind kind = PlaceKind::kFile;
  std::string target;  ///< kFile: the file behind all links, whether it exists or not
  int descriptor = -1;
  bool exists = false;
  struct stat status = {};  ///< where it exists

  /// Says whether bytes that were written cannot be written anew: such a place gets one document, at the end.
  bool streams() const { return kind != PlaceKind::kFile; }
};

/// Finds the place of a path and writes nothing. It throws Error for what no output may touch (folders, block devices,
/// sockets, descriptors that are closed or only readable, files and devices without permission to write), naming the
/// path and the reason.
OutputPlace output_place(const std::string& path);

/// Proves that a document can be written at the path, so that a long run fails at its start and not at its end: for a
/// file its folder exists (it is not made) and takes another file. Throws Error naming the path and the reason.
void require_writable_target(const std::string& path);

/// Throws Error where the path is a pipe, a device or a descriptor.
void require_regular_file(const std::string& path);

/// Proves the same as require_writable_target() of a path that must become a regular file, as its writer goes back and
/// forth in it.
void require_writable_file(const std::string& path);

/// Makes the folder where its parent exists (a misspelt path makes no tree) and proves that a file can be written in
/// it. Throws Error naming the folder and the reason.
void require_writable_folder(const std::string& folder);

/// Says whether the path is a pipe, a device or a descriptor (OutputPlace::streams), or empty.
bool is_stream(const std::string& path);

/// Makes a new, empty file in the folder under a name that nothing has, and gives its descriptor; `made` becomes its
/// path. The mode loses the bits of the umask. It returns -1 with errno where that is impossible.
int make_temporary(const std::string& folder, mode_t mode, std::string& made);

}  // namespace bitloom
