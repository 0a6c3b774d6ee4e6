#!/usr/bin/env bash
# docs/record.md says what each tensor and scalar of golden's record is. Its tables have a row for every word of the lists in
# model/golden/handle.hpp, and no row for another word: who reads a dump finds each name explained.
# shellcheck source=lib.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

readonly page=docs/record.md list=model/golden/handle.hpp
count=0
declare -A listed=() described=()

[[ -f $list ]] && while IFS= read -r word; do
  listed[$word]=1
done < <(sed -nE 's/^ *X\(k[A-Za-z0-9]+, "([a-z0-9_]+)"\).*/\1/p' -- "$list")

# The words of a row stand in its first cell.
[[ -f $page ]] && while IFS= read -r word; do
  [[ -z ${described[$word]:-} ]] || offence "$page: $word has two rows"
  described[$word]=1
  count=$((count + 1))
  [[ -n ${listed[$word]:-} ]] || offence "$page: $word is no word of $list"
done < <(sed -nE 's/^\| (`[^|]*`) \|.*/\1/p' -- "$page" | grep -oE '[a-z0-9_]+')

for word in "${!listed[@]}"; do
  [[ -n ${described[$word]:-} ]] || offence "$list: $word has no row in $page"
done
finish "$count" "a name in a dump that no page explains says nothing"
