#!/usr/bin/env bash
# docs/contributing.md shows what a quantizer, a store of weights, an optimizer and an operation touch in model/. Each of its sections "What one
# touches" has a table of files and the words to look for; this rule holds that a file of model/ has one of the words when,
# and only when, the table lists it, and that the files are at most six.
# shellcheck source=lib.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

readonly page=docs/contributing.md
readonly most=6
count=0

# check HEADING WORDS FILE...: WORDS is an extended regular expression; FILEs are those that the table lists.
check() {
  local heading=$1 words=$2 file found=' ' listed
  shift 2
  listed=" $* "
  if [[ -z $words ]]; then
    offence "$page: $heading: expected the words to look for, as git grep -lE '…' -- model"
    return
  fi
  (($# <= most)) || offence "$page: $heading: $# files of model/, at most $most may be"
  while IFS= read -r -d '' file; do
    grep -qE -- "$words" "$file" || continue
    found+="$file "
    [[ $listed == *" $file "* ]] || offence "$file: has a word of \"$words\", and $page, $heading, does not list it"
  done < <(files 'model/*.hpp' 'model/*.cpp' 'model/*.inc')
  for file in "$@"; do
    count=$((count + 1))
    [[ $found == *" $file "* ]] || offence "$page: $heading: $file has no word of \"$words\""
  done
}

heading='' words='' listed=()
[[ -f $page ]] && while IFS= read -r line; do
  if [[ $line == '#'* ]]; then
    [[ -z $heading ]] || check "$heading" "$words" "${listed[@]}"
    heading='' words='' listed=()
    [[ $line != '### What one touches'* ]] || heading=${line#'### '}
  elif [[ -n $heading && $line =~ git\ grep\ -lE\ \'([^\']+)\'\ --\ model ]]; then
    words=${BASH_REMATCH[1]}
  elif [[ -n $heading && $line == '|'* ]]; then
    rest=$line
    while [[ $rest =~ \`(model/[^\`]+)\`(.*) ]]; do
      listed+=("${BASH_REMATCH[1]}")
      rest=${BASH_REMATCH[2]}
    done
  fi
done < <(cat -- "$page" && echo '# end')
finish "$count" "what one must touch is what one was told to touch"
