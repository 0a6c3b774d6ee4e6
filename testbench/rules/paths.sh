#!/usr/bin/env bash
# A path of the tree that a page writes as code (in backticks, from a top folder on) exists: a page that sends its reader to
# a file that has moved costs more than it helps. Patterns (with *, {} or <>) are not checked.
# shellcheck source=lib.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

count=0
while IFS= read -r line; do
  path=${line##*:\`}
  path=${path%\`}
  count=$((count + 1))
  [[ -e $path ]] || offence "${line%:*}: \`$path\` does not exist"
done < <(files '*.md' | xargs -0 -r grep -HonE '`(model|kernels|sim|rtl|testbench|traces|docs|cmake)/[A-Za-z0-9_./-]+`' || true)
finish "$count" "pages that lead to files"
