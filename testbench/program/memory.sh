#!/usr/bin/env bash
# What needs more memory than there is is refused at once, with the estimate and what to change; and Ctrl-C is heeded
# within about a second while images are generated.
set -uo pipefail

# shellcheck source=scratch.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/scratch.sh"

refused() { # refused TEXT ARGS...: with 4 GB of address space the program refuses and says TEXT
  local text=$1 got=0
  shift
  (ulimit -v 4000000 && exec "$program" "$@" >out 2>err) || got=$?
  [[ $got == 2 ]] || fail "$*: expected exit code 2, got $got: $(cat err)"
  for part in "$text" "would need about" "are available: take"; do
    grep -qF -- "$part" err || fail "$*: expected '$part', got: $(cat err)"
  done
}

image() { # image SIDE: a network of images of SIDE × SIDE
  printf '{"name": "wide", "input": [1, %d, %d], "layers": [{"name": "conv", "op": "conv2d", "out": 1, "kernel": 8, "stride": 8, "bias": true}, ' "$1" "$1"
  printf '{"name": "pool", "op": "average_pool", "kernel": 8}, '
  printf '{"name": "flat", "op": "flatten"}, {"name": "fc", "op": "linear", "out": 10, "bias": true}, '
  printf '{"name": "loss", "op": "softmax_cross_entropy"}]}\n'
}
image 1024 >images.json
image 512 >slow.json

refused "network wide: training would need" train images.json
refused "for 14800 generated images" train images.json --recipe fp32
refused "take a smaller --train-limit" train images.json
refused "for 16384 samples at once" train resnet8 --batch 16384
refused "take a smaller batch" train resnet8 --recipe fp32 --batch 16384
refused "for 100000000 generated images" cosim mlp_odd --steps 100000 --batch 1000
refused "take fewer --steps or a smaller batch" cosim mlp_odd --steps 100000 --batch 1000
grep -qF "network mlp_odd: co-simulation" err || fail "no network is named: $(cat err)"
sed 's/"batch": [0-9]*/"batch": 60000/' "$BITLOOM_SOURCE_DIR/traces/experiments/cifar_resnet8.json" >e.json
sed -i 's/"hyper": "cifar"}/"hyper": "cifar", "batch": 60000}/' e.json
refused "row fp32: " experiment e.json --data .

# What fits is not refused.
(ulimit -v 4000000 && exec "$program" train mlp --epochs 1 --train-limit 256 -q) || fail "a small training in 4 GB"

cpu_seconds() { # sets $seconds: whole seconds of CPU of all programs that have ended, which another load does not change
  times >times # a subshell would have times of its own
  seconds=$(awk 'NR == 2 { split($1, user, /[ms]/); split($2, own, /[ms]/); print int(60 * (user[1] + own[1]) + user[2] + own[2]) }' times)
}

interrupted() { # interrupted ARGS...: Ctrl-C after a second ends the program long before its images are drawn (40 s of CPU)
  local got=0 begin
  "$program" "$@" -q 2>err &
  local pid=$!
  sleep 1
  kill -INT "$pid" || fail "$*: ended before the interrupt: $(cat err)"
  cpu_seconds
  begin=$seconds
  wait "$pid" || got=$?
  [[ $got == 130 ]] || fail "$*: expected exit code 130, got $got: $(cat err)"
  cpu_seconds
  ((seconds - begin < 10)) || fail "$*: Ctrl-C was heeded after $((seconds - begin)) s of CPU"
}
interrupted train slow.json --train-limit 2000
interrupted cosim mlp_odd --steps 50000 --batch 100

finish
