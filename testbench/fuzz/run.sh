#!/usr/bin/env bash
# run.sh BUILD SECONDS: runs each fuzzer for so long, from the small corpus beside this script and the files of traces/. New
# inputs stay in BUILD/fuzz_corpus; a finding is written to BUILD/fuzz_findings and fails the run.
set -euo pipefail
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
build=${1:?usage: run.sh BUILD SECONDS} seconds=${2:?usage: run.sh BUILD SECONDS}
status=0
mkdir -p -- "$build/fuzz_findings"
for format in json npy zip idx cifar; do
  seeds=("$here/corpus/$format")
  [[ $format == json ]] && seeds=("$here"/../../traces/{networks,recipes,hyper})
  mkdir -p -- "$build/fuzz_corpus/$format"
  log=$build/fuzz_$format.log
  if nice "$build/testbench/fuzz/fuzz_$format" -max_total_time="$seconds" -rss_limit_mb=2048 -timeout=20 -print_final_stats=1 \
    -artifact_prefix="$build/fuzz_findings/$format-" "$build/fuzz_corpus/$format" "${seeds[@]}" >"$log" 2>&1; then
    printf 'fuzz_%s: no finding in %s s, %s inputs\n' "$format" "$seconds" \
      "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")"
  else
    printf 'fuzz_%s: a finding, in %s:\n' "$format" "$build/fuzz_findings"
    grep -vE '^#[0-9]' -- "$log" | tail -n 40
    status=1
  fi
done
exit "$status"
