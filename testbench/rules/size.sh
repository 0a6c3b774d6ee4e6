#!/usr/bin/env bash
# No file over 2 MB: a clone stays quick, and large data is fetched or generated, never committed. No source over 400 lines:
# a file has one subject.
# shellcheck source=lib.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

readonly byte_limit=2000000 line_limit=400
count=0
while IFS= read -r -d '' file; do
  count=$((count + 1))
  bytes=$(stat -c %s -- "$file")
  ((bytes <= byte_limit)) || offence "$file: $bytes bytes, limit $byte_limit"
done < <(files '*')
while IFS= read -r -d '' file; do
  lines=$(wc -l <"$file")
  ((lines <= line_limit)) || offence "$file: $lines lines, limit $line_limit"
done < <(files '*.cpp' '*.hpp' '*.sv' bitloom)
finish "$count" "small files with one subject, a small clone"
