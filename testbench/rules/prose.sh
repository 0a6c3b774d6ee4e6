#!/usr/bin/env bash
# Prose of a page is wrapped at 120 columns: a reader's window shows it whole, and a diff shows the sentence that changed.
# Rows of tables cannot be wrapped, and code blocks show what a program prints: both are exempt.
# shellcheck source=lib.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
export LC_ALL=C.UTF-8 # columns are characters, not bytes

readonly columns=120
count=0
while IFS= read -r -d '' file; do
  count=$((count + 1))
  number=0
  fenced=0
  while IFS= read -r line || [[ -n $line ]]; do
    number=$((number + 1))
    if [[ $line == '```'* ]]; then
      fenced=$((1 - fenced))
      continue
    fi
    ((fenced == 0 && ${#line} > columns)) || continue
    [[ $line =~ ^\ *\| || $line == '    '* ]] || offence "$file:$number: ${#line} columns, limit $columns"
  done <"$file"
done < <(files '*.md')
finish "$count" "lines that fit a window, and diffs that show what changed"
