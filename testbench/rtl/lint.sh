#!/usr/bin/env bash
# The RTL is clean for both tools that read it: Verilator with all warnings, and Yosys (formal checks and synthesis), which knows
# less of the language. Usage: lint.sh verilator|yosys PACKAGE ROOT
set -euo pipefail

tool=$1 package=$2 root=$3
sources=("$root"/rtl/*.sv)

case $tool in
  verilator)
    # A package holds more than one module uses, hence no UNUSEDPARAM.
    verilator --lint-only -Wall -Wno-UNUSEDPARAM --unroll-count 2048 --unroll-stmts 1000000 --top-module bl_top "$package" "${sources[@]}"
    # Warnings must not be switched off in the text either.
    if grep -nE 'lint_o(ff|n)|verilator' "${sources[@]}"; then
      echo "the RTL has comments for Verilator"
      exit 1
    fi
    ;;
  yosys)
    list=$(mktemp)
    trap 'rm -f -- "$list"' EXIT
    yosys -q -p "read_verilog -sv $package ${sources[*]}; hierarchy -check -top bl_top; proc; check -assert; tee -q -o $list ls"
    # A file that bl_top does not use would not have been looked at.
    for source in "${sources[@]}"; do
      module=$(basename -- "$source" .sv)
      grep -qE "(^|[[:space:]\\\\])$module([[:space:]\\\\]|\$)" "$list" || { echo "$source: bl_top does not use it" && exit 1; }
    done
    ;;
  *)
    echo "unknown tool $tool"
    exit 1
    ;;
esac
echo "ok: ${#sources[@]} files"
