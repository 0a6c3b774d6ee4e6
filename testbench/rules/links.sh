#!/usr/bin/env bash
# Every relative link in a markdown page leads to a file, and every shell script parses: a page or script that nobody opened
# lately breaks silently.
# shellcheck source=lib.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

count=0
while IFS= read -r -d '' file; do
  count=$((count + 1))
  folder=$(dirname -- "$file")
  while IFS= read -r target; do
    [[ $target =~ ^(https?:|mailto:|#) ]] && continue
    [[ -e $folder/${target%%#*} ]] || offence "$file: link to $target, which does not exist"
  done < <(grep -oE '\]\([^) ]+\)' -- "$file" | sed -E 's/^\]\(//; s/\)$//' || true)
done < <(files '*.md')
while IFS= read -r -d '' file; do
  count=$((count + 1))
  bash -n -- "$file" 2>/dev/null || offence "$file: does not parse (bash -n)"
done < <(files '*.sh' bitloom .ci/run)
finish "$count" "docs and scripts that lie are worse than none"
