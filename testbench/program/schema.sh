#!/usr/bin/env bash
# An independent validator accepts every file of traces/ by its schema and refuses files with one fault each. It needs
# the system's Python with python3-jsonschema, which `./bitloom test` installs.
set -euo pipefail

cd -- "${BITLOOM_SOURCE_DIR:?set by ctest}"
if ! /usr/bin/python3 -c 'import jsonschema' 2>/dev/null; then
  echo "this test needs a package: apt-get install python3-jsonschema"
  exit 1
fi
exec /usr/bin/python3 testbench/program/schema.py
