#!/usr/bin/env bash
# Each rule must be able to fail: a small good tree passes all rules, and for each rule one change makes it fail and only
# names the changed file.
set -euo pipefail

rules=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf -- "$scratch"' EXIT
failures=0

good_tree() {
  rm -rf -- "${scratch:?}/tree"
  mkdir -p "$scratch/tree"/{model/{io,numerics,golden,train},kernels,sim/{program,results,dram},testbench,docs/numerics}
  cd -- "$scratch/tree"
  printf 'BasedOnStyle: Google\n' >.clang-format
  printf '#pragma once\n#include "model/io/b.hpp"\n' >model/io/a.hpp
  printf '#pragma once\n// default:  // not ours: a comment\n' >model/io/b.hpp
  printf '#pragma once\n' >model/numerics/n.hpp
  printf '# N1 Codes\n\n## N1.1 Signed codes\n\nMeans: see N1.1.\n' >docs/numerics/n01.md
  printf '| unit | golden |\n|---|---|\n| N | `n.hpp`, `handle.hpp` |\n' >docs/units.md
  printf '#pragma once\nX(kX, "x")\n' >model/golden/handle.hpp
  printf '| word | what |\n|---|---|\n| `x` | codes |\n' >docs/record.md
  printf '#include "model/io/a.hpp"\n' >kernels/k.cpp
  printf '#include "kernels/k.hpp"\n' >sim/s.cpp
  printf '#include "sim/cosim/c.hpp"\n' >sim/program/main.cpp
  printf '# Page\n[map](docs/map.md)\n' >README.md
  printf '[up](../README.md#page), `model/io/a.hpp`, `model/<room>/*.hpp`\n' >docs/map.md
  printf '#!/usr/bin/env bash\necho ok\n' >bitloom
  printf '// kFlip\n' >>model/numerics/n.hpp
  printf "### What one touches: flip\n\n\`git grep -lE 'kFlip|flip_x' -- model\`\n\n| \`model/numerics/n.hpp\` | all |\n" \
    >docs/contributing.md
}

expect() { # expect pass|fail RULE WHAT [FILE]
  local output status=pass
  output=$("$rules/$2.sh" "$scratch/tree" 2>&1) || status=fail
  if [[ $status != "$1" || ($1 == fail && $output != *"$4"*) ]]; then
    printf 'FAILED: rule %s, %s: expected to %s%s, got:\n%s\n' "$2" "$3" "$1" "${4:+ naming $4}" "$output"
    failures=$((failures + 1))
  else
    printf 'ok: rule %s: %s on %s\n' "$2" "$1" "$3"
  fi
}

all=(arrows format words size links switches)
all+=(prose units cites paths touches record) # of pages
good_tree
for rule in "${all[@]}"; do expect pass "$rule" "a good tree"; done

breaks() { # breaks RULE FILE WHAT TEXT: appending TEXT to FILE breaks RULE
  good_tree
  printf '%b\n' "$4" >>"$2"
  expect fail "$1" "$3" "$2"
}
breaks arrows model/io/a.hpp "model including kernels" '#include "kernels/k.hpp"'
breaks arrows model/io/a.hpp "model including SystemC" '#include <systemc>'
breaks arrows model/io/a.hpp "a room including a later one" '#include "model/train/t.hpp"'
breaks arrows kernels/k.cpp "kernels including sim" '#include "sim/s.hpp"'
breaks arrows sim/s.cpp "sim including testbench" '  #  include "testbench/t.hpp"'
breaks arrows sim/program/main.cpp "the program including testbench" '#include "testbench/t.hpp"'
breaks arrows sim/s.cpp "the simulator including the program" '#include "sim/program/p.hpp"'
breaks arrows sim/dram/d.cpp "the DRAM including kernels" '#include "kernels/k.hpp"'
breaks arrows sim/dram/d.cpp "the DRAM including SystemC" '#include <systemc>'
breaks arrows sim/results/r.cpp "results including the simulator" '#include "sim/s.hpp"'
breaks format sim/s.cpp "a line with a stray blank" 'int  x;'
breaks words sim/s.cpp "postponed work" "// TO""DO later"
breaks words sim/s.cpp "a test switched off" "TEST(A, DIS""ABLED_B)"
breaks words sim/s.cpp "a skip without a reason" "  GTEST_""SKIP();"
breaks words docs/map.md "a path of one machine" "see /ho""me/someone/file"
breaks switches model/io/a.hpp "a default over an enum" '    default:'
breaks switches kernels/k.cpp "a default in the lowering" '    default:'
breaks switches sim/s.cpp "a default in the simulator" '    default:'
breaks switches sim/program/main.cpp "a default on one line" '  switch (op) { case Op::kAdd: return 1; default: return 0; }'
breaks links docs/map.md "a dead link" '[gone](gone.md)'
breaks prose docs/map.md "a long line of prose" "$(printf 'longword %.0s' {1..15})"
breaks units docs/units.md "a unit whose file does not exist" '| M | `m.hpp` |'
breaks units model/numerics/o.hpp "a file that no unit names" '#pragma once'
breaks units model/golden/o.cpp "a file of golden that no unit names" '// Nothing'
breaks cites model/io/a.hpp "a citation that leads nowhere" '// Rounds half up (N1.''2).'
breaks cites docs/numerics/n01.md "a number of two headings" '## N1.1 Again'
breaks paths docs/map.md "a path that does not exist" 'see `model/io/gone.hpp`'
breaks touches model/io/a.hpp "a file that names an operation and is not listed" 'int flip_x;'
breaks touches docs/contributing.md "a listed file that does not name it" '| `model/io/a.hpp` | nothing |'
breaks touches docs/contributing.md "more files than one may touch" "$(printf '| `model/numerics/n.hpp` | again |\\n%.0s' {1..6})"
breaks record docs/record.md "a word that no record has" '| `y` | nothing |'
breaks record model/golden/handle.hpp "a word that no page explains" 'X(kY, "y")'
breaks links bitloom "a script that does not parse" 'if then'
good_tree
printf '| %s |\n\n    %s\n' "$(printf 'cell %.0s' {1..30})" "$(printf 'code %.0s' {1..30})" >>docs/map.md
expect pass prose "long rows of a table and long lines of code"
good_tree
printf '\nOne. `a b` [two three](map.md)\n' >>docs/map.md
printf 'word\n%.0s' {1..27} >>docs/map.md
expect pass prose "a sentence of 30 words over many lines"
printf 'word.\n' >>docs/map.md
expect fail prose "a sentence of 31 words" "docs/map.md:3: a sentence of 31 words"
good_tree
head -c 2000001 /dev/zero >docs/large.bin
expect fail size "a large file" docs/large.bin
good_tree
printf '//%.0s\n' {1..601} >>sim/s.cpp
expect fail size "a long source" sim/s.cpp
rm -rf -- "${scratch:?}/tree" && mkdir "$scratch/tree"
for rule in "${all[@]}"; do expect fail "$rule" "an empty tree" "looked at no file"; done

((failures == 0))
