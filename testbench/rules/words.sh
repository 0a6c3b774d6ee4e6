#!/usr/bin/env bash
# Words that postpone or switch off a check, and names of one machine, do not belong into the tree: what is not done stands
# in an issue, what is switched off proves nothing, and a path of one machine breaks on every other.
# shellcheck source=lib.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

# Each word is written in two pieces, so that this file does not offend itself.
readonly anywhere="\\b(TO""DO|FIX""ME|HA""CK|XX""X)\\b|DIS""ABLED_[A-Z]|lint_""off|Co-Auth""ored-By"
readonly machine="(^|[^a-zA-Z0-9_.])/(home|root|work|farm|Users)/[a-zA-Z.]|\\.\\./sha""red/|/tmp/bash_""jobs"
readonly skip="GTEST_""SKIP\\(\\)"

count=0
while IFS= read -r -d '' file; do
  count=$((count + 1))
  while IFS= read -r line; do
    offence "$file:$line"
  done < <(grep -nIE "$anywhere|$machine" -- "$file" || true)
  # A test may skip only with the reason beside it: a message, or a comment on the line.
  while IFS= read -r line; do
    offence "$file:$line"
  done < <(grep -nIE "$skip" -- "$file" | grep -vE '<<|//' || true)
done < <(files '*.cpp' '*.hpp' '*.sv' '*.svh' '*.txt' '*.cmake' '*.sh' '*.md' '*.json' bitloom .ci/run '*.vlt' '*.ys')
finish "$count" "see the head of testbench/rules/words.sh"
