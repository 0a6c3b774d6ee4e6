#!/usr/bin/env bash
# coverage.sh BUILD ROOT: runs the tests of model/ in a build that counts (preset clang), and prints how many lines and
# branches of model/ they run, and which they do not. A line counts as run when any instance of its template is.
set -euo pipefail
build=${1:?usage: coverage.sh BUILD ROOT} root=${2:?usage: coverage.sh BUILD ROOT}
counts=$build/coverage
rm -rf -- "$counts"
mkdir -p -- "$counts"
LLVM_PROFILE_FILE=$counts/%m_%p.profraw ctest --test-dir "$build" -j "${BITLOOM_JOBS:-$(nproc)}" -L '^model$' -LE '^long$' \
  -E '_(generic|avx2|avx512|avx512popcnt|dnnl_avx2|dnnl_avx512_core)$|kernel_symbols' --output-on-failure >"$counts/ctest.log" ||
  { cat -- "$counts/ctest.log" && exit 1; }
find "$counts" -name '*.profraw' >"$counts/list"
llvm-profdata merge -sparse --input-files="$counts/list" -o "$counts/all.profdata"
mapfile -t programs < <(find "$build/testbench/model" -type f -executable -name '*_test')
# The first program stands alone: llvm-cov takes the first word without an option for one.
llvm-cov export -format=lcov -instr-profile="$counts/all.profdata" "${programs[0]}" "${programs[@]/#/-object=}" \
  >"$counts/model.lcov"
python3 "$(dirname -- "${BASH_SOURCE[0]}")/coverage.py" "$counts/model.lcov" "$root"
