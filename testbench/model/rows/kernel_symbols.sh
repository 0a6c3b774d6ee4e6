#!/usr/bin/env bash
# The kernels of one instruction set share no function with other code: an inline function that a file with -mavx512f
# emits as a weak symbol may be the copy that the linker keeps for all, and then the program dies on an older machine.
# Usage: kernel_symbols.sh OBJECT...; every object of a build whose name has kernels_avx in it.
set -euo pipefail

checked=0
for object in "$@"; do
  [[ $object == *kernels_avx* ]] || continue
  checked=$((checked + 1))
  defined=$(nm --defined-only --extern-only --format=posix "$object" | awk '{print $1, $2}' | c++filt)
  others=$(grep -vE '^bitloom::kernel_tables::avx(2|512|512popcnt) ' <<<"$defined" || true)
  if [[ -n $others ]]; then
    printf '%s shares symbols beyond its table:\n%s\n' "$object" "$others"
    exit 1
  fi
done
[[ $checked == 3 ]] || { echo "expected three objects of kernels, saw $checked" && exit 1; }
echo "3 objects, only their tables are visible"
