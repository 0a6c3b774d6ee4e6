#!/usr/bin/env bash
# No file over 2 MB: a clone stays quick, and large data is fetched or generated, never committed. No source over 400 lines:
# a file has one subject.
# shellcheck source=lib.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

readonly byte_limit=2000000 line_limit=400
count=0
while read -r bytes file; do
  count=$((count + 1))
  ((bytes <= byte_limit)) || offence "$file: $bytes bytes, limit $byte_limit"
done < <(files '*' | xargs -0 stat -c '%s %n' --)
while read -r lines file; do
  [[ $file == total ]] && continue
  ((lines <= line_limit)) || offence "$file: $lines lines, limit $line_limit"
done < <(files '*.cpp' '*.hpp' '*.sv' bitloom | xargs -0 wc -l --)
finish "$count" "small files with one subject, a small clone"
