#!/usr/bin/env bash
# Words that postpone or switch off a check, and names of one machine, do not belong into the tree: what is not done stands
# in an issue, what is switched off proves nothing, and a path of one machine breaks on every other.
# shellcheck source=lib.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

# Each word is written in two pieces, so that this file does not offend itself.
readonly anywhere="\\b(TO""DO|FIX""ME|HA""CK|XX""X)\\b|DIS""ABLED_[A-Z]|lint_""off|Co-Auth""ored-By"
readonly machine="(^|[^a-zA-Z0-9_.])/(home|root|work|farm|Users)/[a-zA-Z.]|\\.\\./sha""red/|/tmp/bash_""jobs"
readonly skip="GTEST_""SKIP\\(\\)"

mapfile -d '' -t sources < <(files '*.cpp' '*.hpp' '*.sv' '*.svh' '*.inc' '*.txt' '*.cmake' '*.sh' '*.md' '*.json' bitloom .ci/run \
  '*.vlt' '*.ys')
if ((${#sources[@]} > 0)); then
  while IFS= read -r line; do
    offence "$line"
  done < <(grep -HnIE "$anywhere|$machine" -- "${sources[@]}" || true)
  # A test may skip only with the reason beside it: a message, or a comment on the line.
  while IFS= read -r line; do
    offence "$line"
  done < <(grep -HnIE "$skip" -- "${sources[@]}" | grep -vE '<<|//' || true)
fi
finish "${#sources[@]}" "see the head of testbench/rules/words.sh"
