#!/usr/bin/env bash
# docs/units.md is true both ways: each file that its tables name exists in the column's folder, and each file of the rooms
# that compute stands in the tables. So a reader finds all that tells of a unit, and a new file gets its place.
# shellcheck source=lib.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

readonly page=docs/units.md
declare -A folders=(
  [golden]='model/numerics model/golden' [rows]=model/rows [sim]=sim [rtl]=rtl [spec]=testbench/model/numerics
  [tests]=testbench
)
count=0
named=' '             # "COLUMN/FILE" of each name in the tables
declare -A there=() # the same of each file that lies in a column's folders or below them
for column in "${!folders[@]}"; do
  for folder in ${folders[$column]}; do
    while IFS= read -r -d '' file; do
      there[$column/${file##*/}]=1
    done < <(files "$folder/*")
  done
done

[[ -f $page ]] && while IFS= read -r line; do
  IFS='|' read -r -a cells <<<"$line"
  if [[ ${cells[1]:-} == ' unit ' ]]; then
    header=("${cells[@]}")
    continue
  fi
  for i in "${!cells[@]}"; do
    column=${header[i]:-}
    column=${column// /}
    [[ -n $column && -n ${folders[$column]:-} ]] || continue
    rest=${cells[i]}
    while [[ $rest =~ \`([^\`]+)\`(.*) ]]; do
      name=${BASH_REMATCH[1]}
      rest=${BASH_REMATCH[2]}
      [[ $named != *" $column/$name "* ]] || continue
      count=$((count + 1))
      named+="$column/$name "
      [[ -n ${there[$column/$name]:-} ]] || offence "$page: $name is not in ${folders[$column]}"
    done
  done
done < <(grep '^|' "$page")

# listed COLUMN PATTERN...: each file that matches stands in the column.
listed() {
  local column=$1 file
  shift
  while IFS= read -r -d '' file; do
    count=$((count + 1))
    [[ $named == *" $column/${file##*/} "* ]] || offence "$file: not in the column $column of $page"
  done < <(files "$@")
}
listed golden 'model/numerics/*.hpp' 'model/numerics/*.cpp' 'model/golden/*.hpp' 'model/golden/*.cpp'
listed rows 'model/rows/*.hpp' 'model/rows/*.cpp' 'model/rows/*.inc'
listed sim 'sim/values_*.cpp' 'sim/values/*.cpp'
listed rtl 'rtl/*.sv'
listed spec 'testbench/model/numerics/spec_*.hpp'
finish "$count" "one place that leads to all that tells of a unit"
