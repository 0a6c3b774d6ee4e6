#!/usr/bin/env bash
# cmake --install into a fresh folder, and a project outside the tree that is built against it: the C++ API is complete
# (headers, libraries, package file), and the installed program finds its named files.
set -euo pipefail

scratch=$(mktemp -d)
trap 'rm -rf -- "$scratch"' EXIT
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)

cmake --install "${BITLOOM_BINARY_DIR:?set by ctest}" --prefix "$scratch/usr" >"$scratch/log" || { cat "$scratch/log"; exit 1; }
for file in bin/bitloom share/bitloom/networks/mlp.json share/bitloom/recipes/int8.json share/bitloom/hardware/tiny.json \
  share/bitloom/hyper/default.json share/bitloom/hyper/sign.json share/doc/bitloom/LICENSE include/bitloom/model/network/recipe.hpp; do
  [[ -e $scratch/usr/$file ]] || { echo "FAILED: $file is not installed"; exit 1; }
done

cmake -S "$here/consumer" -B "$scratch/build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_COMPILER_LAUNCHER= \
  -DCMAKE_PREFIX_PATH="$scratch/usr" >"$scratch/log" 2>&1 || { cat "$scratch/log"; exit 1; }
cmake --build "$scratch/build" >"$scratch/log" 2>&1 || { cat "$scratch/log"; exit 1; }
result=$("$scratch/build/consumer")
# 784·256 + 256 + 256·128 + 128 + 128·10 + 10
[[ $result == "mlp: 235146 parameters" ]] || { echo "FAILED: the consumer printed: $result"; exit 1; }

"$scratch/usr/bin/bitloom" train mlp --recipe fp32 --epochs 1 --train-limit 256 --quiet
echo "ok"
