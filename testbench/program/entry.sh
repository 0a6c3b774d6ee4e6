#!/usr/bin/env bash
# The entry script on machines that are not this one: packages missing, no root, a failing build, a folder with blanks. All
# outside tools are stand-ins that log how they were called; nothing is installed and nothing is built.
set -euo pipefail

source_dir=${BITLOOM_SOURCE_DIR:?set by ctest}
scratch=$(mktemp -d)
trap 'rm -rf -- "$scratch"' EXIT
readonly home="$scratch/a folder with blanks"
export XDG_CACHE_HOME=$scratch/cache
failures=0

stub() { # stub NAME BODY: a stand-in for an outside tool, which logs its arguments
  rm -f -- "$scratch/bin/$1" # it may be a link to the real tool, which must not be written through
  printf '#!/bin/bash\necho "%s $*" >>"%s/calls"\n%s\n' "$1" "$scratch" "$2" >"$scratch/bin/$1"
  chmod +x "$scratch/bin/$1"
}

fresh_machine() { # all packages there but those named; root
  rm -rf -- "${scratch:?}/bin" "$home"
  mkdir -p "$scratch/bin" "$home/testbench/checks" "$home/testbench/fuzz"
  for script in checks/coverage fuzz/run; do
    printf '#!/bin/bash\n' >"$home/testbench/$script.sh" && chmod +x "$home/testbench/$script.sh"
  done
  : >"$scratch/calls"
  cp -- "$source_dir/bitloom" "$home/"
  touch -d yesterday "$home/CMakePresets.json"
  local tool
  for tool in bash chmod dirname readlink cat grep ln cksum tr mkdir rm touch tail tee nproc flock df awk env; do
    ln -s "$(command -v "$tool")" "$scratch/bin/$tool"
  done
  stub dpkg-query "shift 2; for name; do [[ ' $* ' == *\" \$name \"* ]] || echo \"\$name=installed\"; done"
  stub id 'echo 0'
  for tool in git sed xargs; do stub "$tool" ''; done
  stub apt-get ''
  stub cmake 'while [[ $1 != -B ]]; do shift; done; touch "$2/build.ninja"'
  stub ninja 'printf "#!/bin/bash\nprintf \"<%%s>\" \"\$@\"\nexit 7\n" >"$2/bitloom"; chmod +x "$2/bitloom"'
}

entry() { (cd / && PATH="$scratch/bin" "$scratch/bin/bash" "$home/bitloom" "$@") >"$scratch/output" 2>&1; }

expect() { # expect CODE WHAT TEXT ARGS...: the entry run with ARGS ends with CODE and its output has TEXT
  local code=$1 what=$2 text=$3 got=0
  shift 3
  entry "$@" || got=$?
  if [[ $got != "$code" ]] || { [[ -n $text ]] && ! grep -qF -- "$text" "$scratch/output"; }; then
    printf 'FAILED: %s: expected exit code %s and "%s", got %s and:\n' "$what" "$code" "$text" "$got"
    cat -- "$scratch/output"
    failures=$((failures + 1))
  else
    printf 'ok: %s\n' "$what"
  fi
}

called() { # called yes|no TEXT: was an outside tool called so?
  local got=no
  grep -qF -- "$2" "$scratch/calls" && got=yes
  if [[ $got != "$1" ]]; then
    printf 'FAILED: expected a call of "%s": %s; calls were:\n%s\n' "$2" "$1" "$(cat -- "$scratch/calls")"
    failures=$((failures + 1))
  fi
}

fresh_machine
expect 0 "--no-install, nothing missing" "packages are installed" --no-install
fresh_machine verilator yosys
expect 2 "--no-install names what is missing" "missing packages: verilator yosys" --no-install
called no apt-get
expect 2 "--no-install stops before a command too" "missing packages: verilator yosys" --no-install demo
for command in build test bench lint synth; do
  expect 0 "help of $command, which neither installs nor starts it" "Usage: ./bitloom" "$command" --help
done
called no apt-get
called no 'ninja -C'
expect 7 "installs what is missing, builds, hands over" "<demo>" demo
called yes "apt-get install -y -q --no-install-recommends verilator yosys"

fresh_machine verilator
stub apt-get '[[ $1 != install ]]'
expect 2 "apt-get fails" "apt-get could not install: verilator" demo
called no 'ninja -C'

fresh_machine verilator
stub id 'echo 1000'
expect 2 "no root and no sudo" "there is no sudo; as root run: apt-get install verilator" demo
stub sudo '"$@"'
expect 7 "no root but sudo" "<demo>" demo
called yes "sudo env DEBIAN_FRONTEND=noninteractive apt-get install"

fresh_machine
expect 7 "arguments and exit code pass through, blanks kept" "<train><a net><--seed><1>" train "a net" --seed 1
ln -s "$home/bitloom" "$scratch/link"
(cd "$scratch" && PATH="$scratch/bin" ./link run) >"$scratch/output" 2>&1 || true
if grep -qF '<run>' "$scratch/output"; then
  echo "ok: through a symbolic link"
else
  echo "FAILED: through a symbolic link"
  failures=$((failures + 1))
fi

if grep -F 'cmake' "$scratch/calls" | grep -qF 'with blanks'; then
  echo "FAILED: cmake saw a path with blanks, which Verilator would break"
  failures=$((failures + 1))
fi
called no python3-jsonschema
stub ctest 'exit 8'
expect 1 "failing tests fail the command" "part: entry script and program" test
called yes "-LE ^(long|rules|lint|cosim|program)\$"
expect 8 "failing chosen tests too" "" test -- -R name
called yes "-LE ^long\$ -R name"
expect 8 "failing quick tests too" "" test --quick -- -R name
called yes "-L ^quick\$ -R name"
expect 1 "one failing build of --all fails all of it" "configuring sanitize" test --all
stub ctest ''
expect 0 "passing tests pass" "time of each part" test --all
stub dpkg-query "shift 2; for name; do [[ \$name == clang-tidy ]] || echo \"\$name=installed\"; done"
expect 0 "a part alone asks for its packages" "missing packages: clang-tidy" test --all

stub dpkg-query "shift 2; for name; do [[ \$name == python3-jsonschema ]] || echo \"\$name=installed\"; done"
expect 0 "tests ask for what they alone need" "missing packages: python3-jsonschema" test
expect 7 "and demo does not" "<demo>" demo
if grep -qF jsonschema "$scratch/output"; then echo "FAILED: demo asks for a package of the tests" && failures=$((failures + 1)); fi

stub dpkg-query "shift 2; for name; do [[ \$name == z3 ]] || echo \"\$name=installed\"; done"
expect 0 "so they do for the solver of the proofs" "missing packages: z3" test

stub dpkg-query "shift 2; for name; do [[ \$name == qflow-tech-osu018 ]] || echo \"\$name=installed\"; done"
expect 2 "synth asks for its library of cells" "missing packages: qflow-tech-osu018" --no-install synth
expect 7 "and demo does not" "<demo>" --no-install demo

stub ninja 'echo "[1/2] Building a"; echo "a.cpp:1: error: no such thing"; exit 1'
expect 3 "a failing build shows its errors" "a.cpp:1: error: no such thing" demo
fresh_machine
stub cmake 'echo "CMake Error: nothing works"; exit 1'
expect 3 "a failing configuration shows its errors" "CMake Error: nothing works" demo

fresh_machine
BITLOOM_BUILD=/proc/nowhere/build expect 2 "a build folder that cannot be made" "cannot create the build folder /proc/nowhere/build" demo
BITLOOM_BUILD='/tmp/a b' expect 2 "a build folder with blanks" "must not contain blanks" demo
BITLOOM_JOBS=many expect 2 "a wrong number of jobs" "BITLOOM_JOBS must be a positive number, got 'many'" demo
mkdir -p "$scratch/theirs" "$scratch/meson" "$scratch/moved"
printf 'CMAKE_PROJECT_NAME:STATIC=theirs\nCMAKE_HOME_DIRECTORY:INTERNAL=/else\n' >"$scratch/theirs/CMakeCache.txt"
echo rule >"$scratch/theirs/build.ninja"
echo rule >"$scratch/meson/build.ninja"
for other in theirs meson; do
  before=$(find "$scratch/$other" -type f -exec cat {} +)
  BITLOOM_BUILD="$scratch/$other" expect 2 "another project's build folder" "is the build folder of another project" build
  [[ $(find "$scratch/$other" -type f -exec cat {} +) == "$before" ]] ||
    { echo "FAILED: another project's build folder was changed" && failures=$((failures + 1)); }
done
printf 'CMAKE_PROJECT_NAME:STATIC=bitloom\nCMAKE_HOME_DIRECTORY:INTERNAL=/else\n' >"$scratch/moved/CMakeCache.txt"
BITLOOM_BUILD="$scratch/moved" expect 0 "the folder of a tree that was moved" "configuring again" build

# A build that another user made is used as it is.
mkdir -p "$scratch/shared"
printf '#!/bin/bash\nprintf "<%%s>" "$@"\nexit 7\n' >"$scratch/shared/bitloom"
chmod +x "$scratch/shared/bitloom"
chmod 555 "$scratch/shared"
mkdir -m 777 "$scratch/another"
as_another=()
if [[ -w $scratch/shared ]]; then # root may write everywhere
  chmod 755 "$scratch" "$home"
  as_another=("$(command -v setpriv)" --reuid=65534 --regid=65534 --clear-groups)
fi
got=$(cd / && PATH="$scratch/bin" XDG_CACHE_HOME="$scratch/another" BITLOOM_BUILD="$scratch/shared" \
  "${as_another[@]}" "$scratch/bin/bash" "$home/bitloom" demo 2>&1) || true
[[ $got == "<demo>" ]] || { echo "FAILED: a read-only build printed: $got" && failures=$((failures + 1)); }
stub ninja 'for step in 1 2 3; do echo "[$step/17] Building"; done'
entry build && entry build && [[ ! -s $scratch/output ]] ||
  { echo "FAILED: a build of nothing printed: $(cat "$scratch/output")" && failures=$((failures + 1)); }
stub ninja 'printf "#!/bin/bash\nexit 7\n" >"$2/bitloom"; chmod +x "$2/bitloom"'

expect 2 "no arguments: usage" "Usage: ./bitloom"
expect 0 "help before the first build" "test --quick" --help
stub df 'printf "x\nx 1 1 0 100 /\n"'
stub ninja 'echo "No space left on device"; exit 1'
expect 2 "a full disk is named" "the disk that holds" demo

((failures == 0))
