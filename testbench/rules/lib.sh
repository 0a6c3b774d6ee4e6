# Shared by the rule scripts. A rule is run as `rule.sh ROOT`, prints each offence as "file:line: text" and exits 1 on any.
set -euo pipefail

root=${1:?usage: $0 ROOT}
cd -P -- "$root" # git names the top without links

# files PATTERN...: tracked files (or, outside git, all files but build trees) that match a glob, NUL-separated, and exist.
files() {
  if git rev-parse --show-toplevel >/dev/null 2>&1 && [[ $(git rev-parse --show-toplevel) == "$PWD" ]]; then
    git ls-files -z -- "$@"
  else
    local pattern tests=()
    for pattern in "$@"; do
      tests+=(-o -path "./$pattern")
    done
    find . -path './build*' -prune -o -type f \( "${tests[@]:1}" \) -printf '%P\0'
  fi | while IFS= read -r -d '' file; do
    if [[ -f $file ]]; then printf '%s\0' "$file"; fi
  done
}

offences=0
# offence TEXT: reports one.
offence() {
  printf '%s\n' "$1"
  offences=$((offences + 1))
}

# finish COUNT WHY: a rule that looked at nothing has proved nothing and fails too.
finish() {
  if (($1 == 0)); then
    printf '%s: looked at no file\n' "$0"
    exit 1
  fi
  if ((offences > 0)); then
    printf '%d offence(s). Why this is a rule: %s\n' "$offences" "$2"
    exit 1
  fi
  printf 'ok: %d files\n' "$1"
}
