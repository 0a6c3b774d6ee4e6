#!/usr/bin/env bash
# Dependencies point one way: model <- kernels <- sim, and testbench sees all; no product code lies in testbench. The
# golden model must never see a tile, a command or a clock, or a bug in the lowering could hide in both; and sim must stay buildable without the RTL.
# Within model/, a room sees the rooms before it, so that a reader can start at the first and never looks ahead.
# shellcheck source=lib.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

count=0
# search INCLUDES FILE...: no FILE includes a path that matches INCLUDES. One grep for all, as a process a file is slow.
search() {
  local includes=$1 line
  shift
  (($# > 0)) || return 0
  count=$((count + $#))
  while IFS= read -r line; do
    offence "$line"
  done < <(grep -nHE "^[[:space:]]*#[[:space:]]*include[[:space:]]*[<\"]($includes)" -- "$@" || true)
}

# forbid FOLDER INCLUDES EXCEPT: no source of FOLDER (but those under EXCEPT) includes a path that matches INCLUDES.
forbid() {
  local file sources=()
  while IFS= read -r -d '' file; do
    [[ -n $3 && $file == $3* ]] || sources+=("$file")
  done < <(files "$1/*.hpp" "$1/*.cpp" "$1/*.h")
  search "$2" "${sources[@]}"
}

forbid model 'kernels/|sim/|rtl/|testbench/|systemc|tlm|verilated' ''
forbid kernels 'sim/|rtl/|testbench/|systemc|tlm|verilated' ''
forbid sim 'testbench/' ''
forbid sim 'verilated|Vbl_' sim/cosim/rtl/

# forbid_top FOLDER INCLUDES: the same for the sources that lie in FOLDER itself.
forbid_top() {
  local file sources=()
  while IFS= read -r -d '' file; do
    [[ ${file#"$1"/} == */* ]] || sources+=("$file")
  done < <(files "$1/*.hpp" "$1/*.cpp")
  search "$2" "${sources[@]}"
}

# rooms FOLDER ROOM...: sources of a room include nothing of the rooms behind it in the list, and every room is listed.
rooms() {
  local folder=$1 room later dir
  shift
  local listed=" $* "
  for dir in "$folder"/*/; do
    room=$(basename -- "$dir")
    [[ ! -d $dir || $listed == *" $room "* ]] || offence "$folder/$room: a room that testbench/rules/arrows.sh does not place"
  done
  while (($# > 0)); do
    room=$1
    shift
    for later in "$@"; do
      forbid "$folder/$room" "$folder/$later/" ''
    done
  done
}
# What sim/cosim and sim/program add stands on the rest of sim, never the other way round. sim/results knows only model/.
forbid_top sim 'sim/(cosim|results|program)/'
forbid sim/cosim 'sim/(results|program)/' ''
# sim/dram knows only model/ too, and no SystemC, so that the Verilator harness can use it.
forbid sim/dram 'kernels/|sim/(cosim|results|program)/|sim/[a-z_]*\.hpp' ''
forbid sim/dram 'systemc|tlm' ''
forbid sim/results 'kernels/|sim/cosim/|sim/program/|sim/[a-z_]*\.hpp' ''
rooms model io numerics network rows data golden fp32 train
finish "$count" "the three executors must not share what they are compared on"
