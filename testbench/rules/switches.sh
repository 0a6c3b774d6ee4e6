#!/usr/bin/env bash
# No `default:` stands in model/, kernels/ and sim/: a new enumerator must be an error of -Wswitch (of -Wall -Werror) in every
# switch that does not name it, never silently one of the others. A switch over an enum of another library, or over numbers
# and characters, says so on the line: `default:  // not ours: oneDNN's enum`.
# shellcheck source=lib.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

mapfile -d '' -t sources < <(files 'model/*.hpp' 'model/*.cpp' 'kernels/*.hpp' 'kernels/*.cpp' \
  'sim/*.hpp' 'sim/*.cpp')
if ((${#sources[@]} > 0)); then
  while IFS= read -r line; do
    offence "$line"
  done < <(grep -HnE '^[^"/]*\bdefault[[:space:]]*:([^:]|$)' -- "${sources[@]}" | grep -vE 'default:[ {]*// not ours: ' || true)
fi
finish "${#sources[@]}" "an enumerator that a switch forgets must not compile"
