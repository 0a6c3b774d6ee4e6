#!/usr/bin/env bash
# Prose of a page is wrapped at 120 columns, and no sentence has more than 30 words: a reader's window shows a line whole,
# a diff shows the sentence that changed, and a newcomer need not hold five facts until the verb comes.
# Rows of tables cannot be wrapped, and code blocks show what a program prints: both are exempt.
# shellcheck source=lib.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
export LC_ALL=C.UTF-8 # columns are characters, not bytes

readonly columns=120 sentence_words=30
count=0
pages=()
while IFS= read -r -d '' file; do
  count=$((count + 1))
  pages+=("$file")
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

# A sentence ends at a full stop, a question or exclamation mark, or with its paragraph or item. A word has a letter or a
# digit; code in backquotes is one word, and of a link its text counts.
# shellcheck disable=SC2016 # awk's own variables
readonly long_sentences='
  function finish() {
    if (words > limit) printf "%s:%d: a sentence of %d words, limit %d: %s ...\n", page, line, words, limit, start
    words = 0; start = ""
  }
  function read_words(text,   n, i, word, parts) {
    gsub(/\]\([^)]*\)/, "]", text)
    gsub(/`[^`]*`/, "code", text)
    n = split(text, parts, /[ \t]+/)
    for (i = 1; i <= n; i++) {
      word = parts[i]
      if (word ~ /[A-Za-z0-9]/) {
        if (words == 0) { page = FILENAME; line = FNR }
        if (++words <= 6) start = start (start == "" ? "" : " ") word
      }
      if (word ~ /[.!?][)*"\]]*$/) finish()
    }
  }
  FNR == 1 { finish(); fenced = 0 }
  /^```/ { finish(); fenced = !fenced; next }
  fenced { next }
  /^ *\|/ || /^    / || /^#/ || /^ *$/ { finish(); next }
  /^ *([-*]|[0-9]+\.) / { finish(); sub(/^ *([-*]|[0-9]+\.) /, "") }
  { read_words($0) }
  END { finish() }'
if ((count > 0)); then
  while IFS= read -r line; do
    offence "$line"
  done < <(awk -v limit="$sentence_words" "$long_sentences" "${pages[@]}")
fi
finish "$count" "lines that fit a window, sentences that can be read once, and diffs that show what changed"
