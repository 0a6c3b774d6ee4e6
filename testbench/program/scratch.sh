# shellcheck shell=bash
# For scripts that source it: the program, a folder of its own to work in, and a count of what failed.

program=${BITLOOM_BINARY_DIR:?set by ctest}/bitloom
scratch=$(mktemp -d)
trap 'rm -rf -- "$scratch"' EXIT
cd -- "$scratch" || exit 1
failures=0

fail() {
  printf 'FAILED: %s\n' "$*"
  failures=$((failures + 1))
}

finish() { # the script's last command
  ((failures == 0)) && echo ok
}
