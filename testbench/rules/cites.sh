#!/usr/bin/env bash
# A numerical rule that code, tests or pages cite (two numbers behind an N, such as that of the quotient of scales) has a
# heading in docs/numerics/, and no two headings have the same number: a citation that leads nowhere explains nothing.
# shellcheck source=lib.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

declare -A stated=()
while IFS= read -r heading; do
  [[ $heading =~ (N[0-9]+\.[0-9]+) ]] || continue
  number=${BASH_REMATCH[1]}
  [[ -z ${stated[$number]:-} ]] || offence "${heading%%:*}: $number has a second heading"
  stated[$number]=1
done < <(files 'docs/numerics/*.md' | xargs -0 -r grep -HE '^## N[0-9]+\.[0-9]+ ')

count=0
while IFS= read -r line; do
  count=$((count + 1))
  [[ -n ${stated[${line##*:}]:-} ]] || offence "${line%:*}: cites ${line##*:}, which no heading in docs/numerics/ states"
done < <(files '*.cpp' '*.hpp' '*.inc' '*.sv' '*.md' | xargs -0 -r grep -HonE '\bN[1-9][0-9]?\.[0-9]+\b' || true)
finish "$count" "a number that leads to its rule"
