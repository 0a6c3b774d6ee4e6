#!/usr/bin/env bash
# What the program says of the files that users write is what the tree ships: the reference pages and the schemas.
# `explain` knows fields, words, files, rules and units, and suggests what a misspelt word means.
set -uo pipefail

program=${BITLOOM_PROGRAM:-${BITLOOM_BINARY_DIR:?set by ctest}/bitloom}
cd -- "${BITLOOM_SOURCE_DIR:?set by ctest}" || exit 1
failures=0

fail() {
  printf 'FAILED: %s\n' "$*"
  failures=$((failures + 1))
}

for kind in network recipe hardware hyper energy experiment dram; do
  "$program" explain "$kind" | cmp - "docs/reference/$kind.md" ||
    fail "docs/reference/$kind.md: renew it by: bitloom explain $kind > docs/reference/$kind.md"
  "$program" explain --schema "$kind" | cmp - "traces/schema/$kind.json" ||
    fail "traces/schema/$kind.json: renew it by: bitloom explain --schema $kind > traces/schema/$kind.json"
done

says() { # says TEXT WORD: the explanation of WORD has TEXT
  [[ $("$program" explain "$2") == *"$1"* ]] || fail "explain $2: expected '$1'"
}
says "How many powers of two the codes span" binades
says "An 8-bit buffer" update.accumulate
says "Powers of two (LUQ)" log
says 'gradient.binades = 6' luq
says "The clock" clock_mhz
says "rows = 16" base
says "timing.faw = 34" ddr4_3200
says "## N23.6 Level" N23.6
says "rtl: " "group quantizer"
says "unit Loss" bl_loss.sv

refuses() { # refuses TEXT ARGS...: exit code 2 and TEXT among the errors
  local text=$1 got=0 errors
  shift
  errors=$("$program" explain "$@" 2>&1 >/dev/null) || got=$?
  [[ $got == 2 && $errors == *"$text"* ]] || fail "explain $*: expected '$text' and exit code 2, got $got: $errors"
}
refuses 'did you mean "binades"?' binadse
refuses 'called "N99"' N99
refuses 'did you mean "recipe"?' --schema recip
refuses 'expected a word'

exit $((failures > 0))
