#!/usr/bin/env bash
# An independent validator accepts every file of traces/ by its schema and refuses files with one fault each. It alone
# needs a package, python3-jsonschema; without it the test is skipped and says so.
set -euo pipefail

cd -- "${BITLOOM_SOURCE_DIR:?set by ctest}"
if ! python3 -c 'import jsonschema' 2>/dev/null; then
  echo "skipped: this test needs a package: apt-get install python3-jsonschema"
  exit 77
fi
exec python3 testbench/program/schema.py
