#!/usr/bin/env bash
# Every C++ source is as clang-format writes it, so that a diff shows only what was meant.
# shellcheck source=lib.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

command -v clang-format >/dev/null || { echo "clang-format is not installed" && exit 1; }
mapfile -d '' -t sources < <(files '*.cpp' '*.hpp')
((${#sources[@]} == 0)) ||
  while IFS= read -r line; do
    offence "$line"
  done < <(clang-format --dry-run -Werror "${sources[@]}" 2>&1 | grep -E '^[^ ]+:[0-9]+:[0-9]+: ' | cut -d: -f1 | sort | uniq -c |
    awk '{print $2 ": " $1 " place(s) that clang-format -i would change"}')
finish "${#sources[@]}" "one layout, and no discussion of it"
