#!/usr/bin/env bash
# cmake --install into a fresh folder, and a project outside the tree that is built against it: the C++ API is complete
# (headers, libraries, package file), and the installed program finds its named files.
set -euo pipefail

scratch=$(mktemp -d)
trap 'rm -rf -- "$scratch"' EXIT
# shellcheck source=idx.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/idx.sh"
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)

cmake --install "${BITLOOM_BINARY_DIR:?set by ctest}" --prefix "$scratch/usr" >"$scratch/log" || { cat "$scratch/log"; exit 1; }
for file in bin/bitloom share/bitloom/networks/mlp.json share/bitloom/recipes/int8.json share/bitloom/hardware/tiny.json \
  share/bitloom/experiments/fashion_mlp.json share/bitloom/hyper/default.json share/bitloom/hyper/sign.json share/doc/bitloom/LICENSE include/bitloom/model/network/recipe.hpp; do
  [[ -e $scratch/usr/$file ]] || { echo "FAILED: $file is not installed"; exit 1; }
done

cmake -S "$here/consumer" -B "$scratch/build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_COMPILER_LAUNCHER= \
  -DCMAKE_PREFIX_PATH="$scratch/usr" >"$scratch/log" 2>&1 || { cat "$scratch/log"; exit 1; }
cmake --build "$scratch/build" >"$scratch/log" 2>&1 || { cat "$scratch/log"; exit 1; }
result=$("$scratch/build/consumer")
# 784·256 + 256 + 256·128 + 128 + 128·10 + 10
[[ $result == "mlp: 235146 parameters" ]] || { echo "FAILED: the consumer printed: $result"; exit 1; }

"$scratch/usr/bin/bitloom" train mlp --recipe fp32 --epochs 1 --train-limit 256 --quiet

# Another user, to whom the source tree and the build are hidden, co-simulates a named and an own hardware, runs the demo
# and an experiment. Where this user may hide nothing, the same runs with both in sight.
chmod 755 "$scratch"
mkdir -m 777 "$scratch/other"
sed 's/"rows": [0-9]*/"rows": 3/' "$scratch/usr/share/bitloom/hardware/tiny.json" >"$scratch/other/own.json"
alone() {
  local hide='mount -t tmpfs none "$0"; [[ ! -d $1 ]] || mount -t tmpfs none "$1"; shift; cd /; exec "$@"'
  local as_another=()
  [[ $(id -u) != 0 ]] || as_another=(setpriv --reuid=65534 --regid=65534 --clear-groups)
  if unshare -m true 2>/dev/null; then
    unshare -m bash -c "$hide" "$BITLOOM_SOURCE_DIR" "$BITLOOM_BINARY_DIR" "${as_another[@]}" "$@"
  else
    "${as_another[@]}" "$@"
  fi
}
export BITLOOM_CACHE=$scratch/other/cache
alone "$scratch/usr/bin/bitloom" cosim mlp_odd --hw tiny --quiet || { echo "FAILED: cosim"; exit 1; }
alone "$scratch/usr/bin/bitloom" cosim mlp_odd --hw "$scratch/other/own.json" || { echo "FAILED: an own hardware"; exit 1; }
alone "$scratch/usr/bin/bitloom" cosim mlp_odd --hw odd --quiet --waves "$scratch/other/waves.fst" || { echo "FAILED: waves of a named hardware"; exit 1; }
[[ -s $scratch/other/waves.fst ]] || { echo "FAILED: no waves were written"; exit 1; }
alone "$scratch/usr/bin/bitloom" demo --quiet || { echo "FAILED: demo"; exit 1; }

idx_folder "$scratch/other/data" 200 50
printf '{"name": "small", "seeds": 1, "rows": [{"name": "one", "network": "mlp", "recipe": "int8", "epochs": 1}]}' \
  >"$scratch/other/small.json"
table=$(alone "$scratch/usr/bin/bitloom" experiment "$scratch/other/small.json" --data "$scratch/other/data" \
  --db "$scratch/other/results.db") || { echo "FAILED: experiment"; exit 1; }
[[ $table == *"| one | mlp | 1 | 100.00 |"* ]] || { echo "FAILED: the experiment printed: $table"; exit 1; }
echo "ok"
