#include "sim/program/terminal.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

namespace bitloom::program {

int terminal_columns() {
  constexpr int kUsual = 80;
  winsize size{};
  if (isatty(STDOUT_FILENO) != 1 || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return kUsual;
  return size.ws_col;
}

}  // namespace bitloom::program
