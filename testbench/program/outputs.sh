#!/usr/bin/env bash
# Outputs of every kind at places of every kind: nothing but a regular file is ever replaced, removed or truncated;
# outputs do not meet each other, an input or a redirection; a disk that is full is an error that leaves nothing.
set -uo pipefail

# shellcheck source=idx.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/idx.sh"
# shellcheck source=scratch.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/scratch.sh"

expect() { # expect CODE TEXT ARGS...: the program ends with CODE and TEXT is among its errors
  local code=$1 text=$2 got=0
  shift 2
  "$program" "$@" >out 2>err || got=$?
  [[ $got == "$code" ]] || fail "$*: expected exit code $code, got $got: $(cat err)"
  [[ -z $text ]] || grep -qF -- "$text" err || fail "$*: expected '$text', got: $(cat err)"
}

run=(run mlp_odd --hw tiny)

# Pipes and descriptors take JSON.
"$program" "${run[@]}" -q --json >(cat >piped) || fail "a process substitution"
for _ in {1..50}; do [[ $(tail -n 1 piped 2>/dev/null) == "}" ]] && break || sleep 0.1; done
[[ $(tail -n 1 piped) == "}" ]] || fail "a process substitution got no JSON"
mkfifo pipe
cat pipe >piped &
expect 0 "" "${run[@]}" -q --json pipe
wait $!
[[ -p pipe && $(tail -n 1 piped) == "}" ]] || fail "a named pipe got no JSON"
echo kept >log
"$program" "${run[@]}" --json /dev/stdout >>log || fail "/dev/stdout"
grep -q kept log && grep -q '"cycles"' log && grep -qi 'array' log || fail "/dev/stdout lost what the log held"

# Inputs are read once, so they may be pipes: all of run's and cosim's files.
traces=$BITLOOM_SOURCE_DIR/traces
"$program" run <(cat "$traces/networks/mlp_odd.json") --recipe <(cat "$traces/recipes/int8.json") -q --json from_pipes \
  --hw <(cat "$traces/hardware/tiny.json") --hyper <(cat "$traces/hyper/default.json") \
  --energy <(cat "$traces/energy/45nm.json") || fail "run's files as pipes"
"$program" "${run[@]}" --recipe int8 -q --json from_files
[[ $(grep '"energy_pj"' from_pipes) == "$(grep '"energy_pj"' from_files)" ]] || fail "run reads pipes otherwise"
"$program" cosim <(cat "$traces/networks/mlp_odd.json") --recipe <(cat "$traces/recipes/int8.json") -q \
  --hw <(cat "$traces/hardware/tiny.json") --hyper <(cat "$traces/hyper/default.json") || fail "cosim's files as pipes"
"$program" cosim mlp_odd -q --hw /dev/stdin <"$traces/hardware/odd.json" || fail "a hardware on standard input"

# Standard output that is closed or a file that was removed.
ln -s /proc/self/fd/1 link
"$program" "${run[@]}" -q --json link >&- 2>err && fail "a closed standard output"
grep -q "not open for writing" err || fail "a closed standard output: $(cat err)"
[[ -L link ]] || fail "the link to a closed standard output was replaced"
(exec >gone && rm gone && exec "$program" "${run[@]}" -q --json link) || fail "a removed standard output"
[[ -L link ]] || fail "the link to a removed standard output was replaced"

# A pipe in the place of a device, as no test may risk a real one: waves and dumps need files.
expect 2 "expected a regular file" cosim mlp_odd -q --waves pipe
[[ -p pipe ]] || fail "waves replaced a pipe"
expect 2 "pipe: cannot create the output folder" cosim mlp_odd -q --dump pipe
[[ -p pipe ]] || fail "a dump replaced a pipe"
expect 0 "" train mlp_odd --epochs 1 --train-limit 64 -q --save /dev/null --json /dev/null
[[ -c /dev/null ]] || fail "/dev/null is no device any more"

# Waves: links are followed, modes are kept, nothing else is left.
mkdir waves
echo old >waves/file && chmod 600 waves/file && ln -s file waves/link
expect 0 "" cosim mlp_odd -q --waves waves/link
[[ -L waves/link && $(stat -c %a waves/file) == 600 && $(stat -c %s waves/file) -gt 10000 ]] || fail "waves by a link"
[[ $(find waves -mindepth 1 | wc -l) == 2 ]] || fail "waves left files: $(find waves)"
(umask 077 && "$program" "${run[@]}" -q --json private) && [[ $(stat -c %a private) == 600 ]] || fail "the umask"

# Outputs that meet.
expect 2 "--json writes the same file" train mlp --save x --json x
cp -- "$BITLOOM_SOURCE_DIR/traces/networks/mlp_odd.json" net.json
expect 2 "it would overwrite an input, the network's file" run net.json --json ./net.json
cmp -s net.json "$BITLOOM_SOURCE_DIR/traces/networks/mlp_odd.json" || fail "the network was overwritten"
"$program" "${run[@]}" --json both >both 2>err && fail "a redirection to the same file"
[[ -e x ]] && fail "a refused command wrote"

# Empty values are mistakes, not "not given".
for option in --data --save --json --init --resume --dump --recipe --hyper; do
  expect 2 "$option" train mlp "$option" ""
done

# Paths that cannot be: exit code 2 with the path.
expect 2 "File name too long" run "$(printf 'n%.0s' {1..300}).json"
ln -s round round
expect 2 "./round" run ./round
mkdir $'not \xff UTF-8'
expect 0 "" "${run[@]}" -q --json $'not \xff UTF-8/out.json'

# A disk that is full: where this user may mount one.
mkdir disk
idx_folder data 40 10
sed 's/"rows": [0-9]*/"rows": 3/' "$traces/hardware/tiny.json" >own.json
printf '{"name": "e", "seeds": 1, "rows": [{"name": "r", "network": "lenet", "recipe": "fp32", "epochs": 1, "batch": 20}]}' >e.json
if unshare -rm mount -t tmpfs none disk 2>err; then
  unshare -rm bash -c '
    mount -t tmpfs -o size=1m none disk
    "$0" cosim mlp_odd -q --waves disk/x.fst 2>err && exit 1
    grep -q "disk/x.fst: the waves could not be written whole" err || exit 2
    dd if=/dev/zero of=disk/fill bs=1k 2>/dev/null
    "$0" run mlp_odd --hw tiny -q --json disk/x.json 2>err && exit 3
    grep -q "No space left on device" err || exit 4
    [[ $(ls -A disk) == fill ]] || exit 5
    "$0" experiment "$1" --data "$2" --db disk/r.db -q 2>err && exit 6
    grep -q "disk/r.db: No space left on device; make some" err || exit 7
    rm disk/fill
    "$0" experiment "$1" --data "$2" --db disk/r.db -q 2>err || exit 8
    cp disk/r.db kept
    mount -o remount,ro disk
    "$0" experiment "$1" --data "$2" --db disk/r.db -q 2>err && exit 9
    grep -q "disk/r.db: cannot write the file: Read-only file system" err || exit 10
    cmp -s disk/r.db kept || exit 11
    mount -t tmpfs -o size=1m none disk
    BITLOOM_CACHE=$PWD/disk/cache "$0" cosim mlp_odd --hw "$3" -q 2>err && exit 12
    grep -q "disk/cache: the disk is full, or nearly: .* set BITLOOM_CACHE to another folder" err || exit 13
    [[ -z $(ls -A disk/cache) ]] || exit 14' "$program" "$PWD/e.json" "$PWD/data" "$PWD/own.json" || fail "a full disk ($?): $(cat err)"
else
  echo "no full disk is tried: this user may not mount one"
fi

finish
