#!/usr/bin/python3
"""Draws mutants of a part, runs the tests that reach them, and lists those that no test notices. See docs/checks.md."""
import argparse
import collections
import concurrent.futures
import functools
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from cpp_part import CppPart
from sites import apply, one_line, original


def say(text):
    print(f"mutate: {text}", file=sys.stderr, flush=True)


class Tree:
    """The copy of the sources in which mutants are written, and its build."""

    def __init__(self, root, build, jobs):
        self.root, self.build, self.jobs = root, build, jobs
        self.tree = f"{build}/tree"

    def write(self, name, text):
        path = pathlib.Path(self.tree, name)
        data = text.encode("latin-1")
        if path.exists() and path.read_bytes() == data:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        path.chmod(pathlib.Path(self.root, name).stat().st_mode)

    @functools.lru_cache(maxsize=None)
    def source(self, name):
        return pathlib.Path(self.root, name).read_bytes().decode("latin-1")

    def names(self):
        listed = subprocess.run(["git", "-C", self.root, "ls-files", "-z"], capture_output=True, check=True).stdout
        return [n for n in listed.decode().split("\0") if n and os.path.isfile(f"{self.root}/{n}")]

    def copy(self):
        names = set(self.names())
        for name in names:
            self.write(name, self.source(name))
        for path in pathlib.Path(self.tree).rglob("*"):  # what was removed since the last run
            if path.is_file() and str(path.relative_to(self.tree)) not in names:
                path.unlink()

    def configure(self, settings):
        run = subprocess.run(["cmake", "-S", self.tree, "-B", f"{self.build}/out", "-G", "Ninja", "-DCMAKE_BUILD_TYPE=None",
                              *settings], capture_output=True, text=True)
        if run.returncode:
            sys.exit(f"mutate: error: configuring failed:\n{run.stdout}{run.stderr}")

    def compile(self, targets):
        """Builds; returns the places (file, line) that do not compile."""
        run = subprocess.run(["nice", "ninja", "-C", f"{self.build}/out", f"-j{self.jobs}", "-k0", *targets],
                             capture_output=True, text=True)
        if run.returncode == 0:
            return set()
        # "required from here" names the template's place too, so each line of the report counts.
        # A compiler cache may have made the paths relative to the build folder.
        tree = rf"(?:{re.escape(self.tree)}|\.\./tree)"
        places = set(re.findall(tree + r"/(\S+?):(\d+):\d+: (?:error|.*required)", run.stdout))
        if not places:
            wrong = [line for line in run.stdout.split("\n") if "error" in line or line.startswith("FAILED")]
            sys.exit("mutate: error: the build failed:\n" + "\n".join(wrong[:20] or [run.stdout[-4000:]]))
        return {(name, int(line)) for name, line in places}


class Tests:
    """The test programs of a part: what each reaches, how long it takes, whether it passes."""

    def __init__(self, tree, part, pattern):
        listed = subprocess.run(["ctest", "--test-dir", f"{tree.build}/out", "--show-only=json-v1"], capture_output=True,
                                text=True, check=True)
        self.tree, self.programs, self.seconds, self.reached = tree, {}, {}, {}
        commands = self.commands()
        for test in json.loads(listed.stdout)["tests"]:
            values = {p["name"]: p["value"] for p in test["properties"]}
            named = set(values.get("LABELS", []))
            settings = dict(v.split("=", 1) for v in values.get("ENVIRONMENT", []))
            variant = [s for s in settings if s not in ("BITLOOM_SOURCE_DIR", "BITLOOM_BINARY_DIR", "BITLOOM_CACHE", "GTEST_FILTER")]
            command = commands.get(test["name"], [])
            fitting = named & set(part.labels) and "long" not in named and not variant and is_program(command, tree)
            if fitting and part.wanted(test["name"]) and re.search(pattern, test["name"]):
                self.programs[test["name"]] = (command, settings)

    def commands(self):
        """The command of each test; CTest itself names none that is not built yet."""
        commands = {}
        for file in pathlib.Path(self.tree.build, "out").rglob("CTestTestfile.cmake"):
            for name, words in re.findall(r'^add_test\((?:\[=\[)?(.+?)(?:\]=\])? (".*")\)$', file.read_text(), re.M):
                commands[name] = re.findall(r'"((?:[^"\\]|\\.)*)"', words)
        return commands

    def targets(self):
        return sorted({os.path.basename(command[0]) for command, _ in self.programs.values()})

    def run(self, name, timeout, **environment):
        command, settings = self.programs[name]
        try:
            run = subprocess.run(["nice", *command, "--gtest_brief=1", "--gtest_fail_fast"], capture_output=True, timeout=timeout,
                                 cwd=f"{self.tree.build}/out", env={**os.environ, **settings, "BITLOOM_TEST_SEED": "1", **environment})
        except subprocess.TimeoutExpired:
            return "hangs"
        return None if run.returncode == 0 else "fails"

    def record(self, jobs):
        with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
            for name, how in zip(self.programs, pool.map(self.record_one, self.programs)):
                if how:
                    sys.exit(f"mutate: error: {name} {how} without any mutant")

    def record_one(self, name):
        file = f"{self.tree.build}/reached-{name}"
        pathlib.Path(file).unlink(missing_ok=True)
        start = time.monotonic()
        how = self.run(name, 1200, BITLOOM_MUTANTS_REACHED=file)
        self.seconds[name] = time.monotonic() - start
        self.reached[name] = pathlib.Path(file).read_bytes() if os.path.exists(file) else b""
        return how

    def covering(self, mutant):
        names = [n for n, bytes in self.reached.items() if mutant.number < len(bytes) and bytes[mutant.number]]
        return sorted(names, key=lambda n: self.seconds[n])

    def killer(self, mutant):
        """The test that notices the mutant, or None."""
        for name in self.covering(mutant):
            how = self.run(name, 30 + 10 * self.seconds[name], BITLOOM_MUTANT=str(mutant.number))
            if how:
                return f"{name} {how}"
        return None


def is_program(command, tree):
    return bool(command) and command[0].startswith(f"{tree.build}/out/") and not command[0].endswith("/bitloom")


def draw(tree, found, seed):
    """All mutants in an order in which each kind comes as often as any other, as long as it lasts.

    Within a kind the order is that of hashes of the changed text and the seed. So the draw stays what it is where other
    lines are edited, and who mends the tests for survivors meets the same mutants again.
    """
    kinds, seen = {}, collections.Counter()
    for mutant in sorted(found, key=lambda m: (m.file, m.start, m.end, m.kind, m.text)):
        text = json.dumps([v for k, v in describe(tree, mutant).items() if k != "line_number"])
        seen[text] += 1
        rank = hashlib.sha256(f"{seed} {seen[text]} {text}".encode()).hexdigest()
        kinds.setdefault(mutant.kind, []).append((rank, mutant))
    for of_kind in kinds.values():
        of_kind.sort(key=lambda ranked: ranked[0], reverse=True)
    order = []
    while any(kinds.values()):
        for kind in sorted(kinds):
            if kinds[kind]:
                order.append(kinds[kind].pop()[1])
    return order


def instrument(tree, part, mutants, touched):
    """Writes the drawn mutants into the tree; returns for each file the mutants of each of its lines."""
    by_file = {name: [] for name in touched}
    for mutant in mutants:
        by_file.setdefault(mutant.file, []).append(mutant)
    lines = {}
    for name, inside in by_file.items():
        text = apply(tree.source(name), inside, part.choose)
        if inside:
            text = part.head(text)
        tree.write(name, text)
        for number, line in enumerate(text.split("\n"), 1):
            for mutant in re.findall(r"bitloom_mutant\((\d+)\)", line):
                lines.setdefault((name, number), set()).add(int(mutant))
    return set(by_file), lines


def build(tree, part, tests, order, count):
    """As many mutants of the order as asked for that compile, built into the test programs."""
    chosen, rest, touched, next_number = [], list(order), set(), 0
    while True:
        while len(chosen) < count and rest:
            mutant = rest.pop(0)
            mutant.number = next_number
            next_number += 1
            chosen.append(mutant)
        touched, lines = instrument(tree, part, chosen, touched)
        say(f"building {len(chosen)} mutants into {len(tests.targets())} test programs")
        broken = tree.compile(tests.targets())
        if not broken:
            return chosen
        wrong = set().union(*(lines.get((f, n), set()) for f, l in broken for n in (l - 1, l, l + 1)))
        if not wrong:
            sys.exit(f"mutate: error: does not compile, though no mutant stands there: {sorted(broken)}")
        say(f"{len(wrong)} mutants do not compile, others take their place")
        chosen = [m for m in chosen if m.number not in wrong]


def equivalents(tree):
    """The committed list of mutants that change nothing, each with the argument; a line that is gone is an error."""
    entries = json.loads(pathlib.Path(__file__).with_name("equivalent.json").read_text())
    for entry in entries:
        if entry["line"] not in [one_line(line) for line in tree.source(entry["file"]).split("\n")]:
            sys.exit(f"mutate: error: equivalent.json: {entry['file']} has no line \"{entry['line']}\"")
    return {(e["file"], e["from"], e["to"], e["line"]): e["argument"] for e in entries}


def describe(tree, mutant):
    source = tree.source(mutant.file)
    line = one_line(source.split("\n")[source.count("\n", 0, mutant.start)])
    return {"file": mutant.file, "line_number": source.count("\n", 0, mutant.start) + 1, "line": line, "kind": mutant.kind,
            "from": one_line(original(source, mutant)), "to": one_line(mutant.text)}


def survivors_of(path, tree, found):
    """The mutants that survived in an earlier result, as far as their lines still stand."""
    wanted = [{k: s[k] for k in ("file", "line", "kind", "from", "to")} for s in json.loads(pathlib.Path(path).read_text())["survivors"]]
    files = {w["file"] for w in wanted}
    return [m for m in found if m.file in files and {k: v for k, v in describe(tree, m).items() if k != "line_number"} in wanted]


def judge(tree, tests, chosen, listed, jobs):
    survivors, equal, killed = [], [], 0
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for mutant, killer in zip(chosen, pool.map(tests.killer, chosen)):
            about = describe(tree, mutant)
            argument = listed.get((about["file"], about["from"], about["to"], about["line"]))
            if argument:
                if killer:
                    sys.exit(f"mutate: error: listed as equivalent, yet {killer}: {about}")
                equal.append(about)
            elif killer:
                killed += 1
            else:
                about["reached_by"] = tests.covering(mutant)
                survivors.append(about)
                say(f"survives: {about['file']}:{about['line_number']}: {about['kind']}: {about['from']} -> {about['to'] or '(nothing)'}"
                    + ("" if about["reached_by"] else " (no test reaches it)"))
    return killed, equal, survivors


def arguments():
    parser = argparse.ArgumentParser(prog="./bitloom mutate", description=__doc__)
    parser.add_argument("--part", required=True, choices=["model", "kernels", "sim", "rtl"])
    parser.add_argument("--count", type=int, default=50, help="mutants to draw (default 50)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", help="file for the result")
    parser.add_argument("--again", metavar="FILE", help="in place of a draw, the survivors of an earlier result (--json)")
    parser.add_argument("--files", default="", help="draw only from files whose path matches this expression")
    parser.add_argument("--tests", default="", help="run only tests whose name matches this expression")
    parser.add_argument("--build", help="folder of the mutated copy and its build (default: build-mutate-PART)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    return parser.parse_args()


def part_of(name):
    if name == "rtl":
        from sv_part import SvPart

        return SvPart()
    return CppPart(name)


def main():
    asked = arguments()
    root = str(pathlib.Path(__file__).resolve().parents[2])
    tree = Tree(root, os.path.abspath(asked.build or f"{root}/build-mutate-{asked.part}"), asked.jobs)
    part = part_of(asked.part)
    tree.copy()
    tree.configure(part.settings(tree.tree))
    listed = equivalents(tree)
    tests = Tests(tree, part, asked.tests)
    found = [m for m in part.find(tree.tree, f"{tree.build}/out") if re.search(asked.files, m.file)]
    if asked.again:
        order = survivors_of(asked.again, tree, found)
        say(f"{len(order)} survivors of {asked.again}")
    else:
        order = draw(tree, found, asked.seed)
        say(f"{len(order)} places and ways to change {asked.part}; drawing {asked.count} by seed {asked.seed}")
    chosen = build(tree, part, tests, order, len(order) if asked.again else asked.count)
    say(f"running {len(tests.programs)} test programs to see which mutants they reach")
    tests.record(asked.jobs)
    killed, equal, survivors = judge(tree, tests, chosen, listed, asked.jobs)
    others = len(chosen) - len(equal)
    rate = 100 * killed / others if others else 100.0
    print(f"{asked.part}: {len(chosen)} mutants, {len(equal)} equivalent, {killed} of {others} others killed ({rate:.1f} %), "
          f"{len(survivors)} survivors")
    if asked.json:
        result = {"part": asked.part, "seed": asked.seed, "mutants": len(chosen), "killed": killed, "equivalent": len(equal),
                  "rate": rate, "survivors": survivors}
        pathlib.Path(asked.json).write_text(json.dumps(result, indent=1) + "\n")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
