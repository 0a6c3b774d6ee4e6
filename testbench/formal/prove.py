#!/usr/bin/python3
"""Proves one harness of this folder on the RTL, and sees the proof fail on broken copies of it.

Usage: prove.py --package bl_pkg.sv [--rtl FOLDER] [--solver z3] HARNESS.sv

A harness is a module `proof` around the real RTL. Lines `//@ KEY: VALUE` say how it is proved:

  rtl: NAMES       files of rtl/, without .sv
  cycles: N        from reset so many cycles are looked at; one is the whole proof of what has no state
  induction: K     (may be missing) by k-induction too, so that the proof holds for every number of cycles
  sweep: N         (may be missing) the proof is N proofs, with the parameter Case = 0 to N - 1; broken copies are looked at
                   without it (Case = -1), as a counterexample is found faster than its absence
  cut: CELLS       (may be missing) these cells' outputs become free: a selection of Yosys
  part: quick      or long: which part of the tests it belongs to
  break: FILE.sv | OLD | NEW
                   one edit of a copy of the RTL by which the proof must fail from reset; at least one, OLD unique

Statements `cover` of a harness must be reached. Exit codes: 0 proved, 1 not, 2 no such tool or a wrong harness.
"""
import argparse
import dataclasses
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
KEYS = {"rtl", "cycles", "induction", "sweep", "cut", "part", "break"}
OPTIONAL = {"induction", "sweep", "cut"}


class WrongHarness(Exception):
    """The harness, or a broken line that it names, is not what this program takes."""


@dataclasses.dataclass
class Harness:
    path: pathlib.Path
    rtl: list
    cycles: int
    induction: int  # 0: none
    sweep: int      # 0: none
    cut: str
    part: str
    breaks: list  # (file, old, new)
    covers: bool


def read_harness(path):
    text = path.read_text()
    found = {}
    for key, value in re.findall(r"^//@ (\w+): (.*)$", text, re.M):
        if key not in KEYS:
            raise WrongHarness(f"{path.name}: no key '{key}' is known")
        found.setdefault(key, []).append(value.strip())
    for key in KEYS - OPTIONAL:
        if key not in found:
            raise WrongHarness(f"{path.name}: a line '//@ {key}: ...' is missing")
    for key in KEYS - {"break", "rtl"}:
        if len(found.get(key, [])) > 1:
            raise WrongHarness(f"{path.name}: '{key}' stands twice")
    cycles, induction, part = found["cycles"][0], found.get("induction", ["0"])[0], found["part"][0]
    sweep = found.get("sweep", ["0"])[0]
    if part not in ("quick", "long") or not (cycles.isdigit() and induction.isdigit() and sweep.isdigit()):
        raise WrongHarness(f"{path.name}: part is quick or long; cycles, induction and sweep are numbers")
    if int(cycles) < max(1, int(induction)):
        raise WrongHarness(f"{path.name}: k-induction stands on the first k cycles, so cycles is at least k, and 1")
    breaks = [tuple(field.strip() for field in line.split(" | ")) for line in found["break"]]
    if any(len(fields) != 3 for fields in breaks):
        raise WrongHarness(f"{path.name}: a break is FILE.sv | OLD | NEW")
    rtl = [name for line in found["rtl"] for name in line.split()]
    covers = re.search(r"\bcover *\(", text) is not None
    return Harness(path, rtl, int(cycles), int(induction), int(sweep), found.get("cut", [""])[0], part, breaks, covers)


def run(command):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def translate(harness, sources, package, out, case=None):
    """Writes the harness around these sources as SMT-LIB 2."""
    steps = [f"read_verilog -formal -sv -noautowire {package} {' '.join(map(str, sources))} {harness.path}",
             "hierarchy -check -top proof" + ("" if case is None else f" -chparam Case {case}"), "proc", "memory_collect"]
    if harness.cut:
        steps += [f"select -assert-min 1 {harness.cut}", f"cutpoint {harness.cut}"]
    steps += ["memory_map", "flatten", "opt -full", "dffunmap", "chformal -early", "check -assert", "opt_clean",
              f"write_smt2 -wires {out}"]
    done = run(["yosys", "-q", "-p", "; ".join(steps)])
    if done.returncode != 0:
        raise WrongHarness(f"{harness.path.name}: Yosys does not read it:\n{done.stdout}")


def solve(smt2, solver, *arguments):
    """True if proved, False if there is a counterexample; anything else is an error."""
    done = run(["yosys-smtbmc", "--unroll", "--noprogress", "-s", solver, *arguments, str(smt2)])
    if re.search(r"Status: passed", done.stdout, re.I) and done.returncode == 0:
        return True, done.stdout
    if re.search(r"Status: failed", done.stdout, re.I) and done.returncode == 1:
        return False, done.stdout
    raise WrongHarness(f"{smt2.stem}: {solver} gave no answer:\n{done.stdout}")


def prove(harness, rtl, package, solver, scratch):
    sources = [rtl / f"{name}.sv" for name in harness.rtl]
    smt2 = scratch / "proof.smt2"
    for case in range(harness.sweep):
        translate(harness, sources, package, smt2, case)
        proved, log = solve(smt2, solver, "-t", str(harness.cycles))
        if not proved:
            print(f"{harness.path.name}: case {case}: NOT PROVED\n{log}")
            return False
    if harness.sweep:
        print(f"{harness.path.name}: {harness.sweep} cases: proved")
        return True
    translate(harness, sources, package, smt2)
    runs = [("from reset", ["-t", str(harness.cycles)])]
    if harness.induction:
        runs.append(("by induction", ["-i", "-t", str(harness.induction)]))
    if harness.covers:
        runs.append(("covers", ["-c", "-t", str(harness.cycles)]))
    for name, arguments in runs:
        proved, log = solve(smt2, solver, *arguments)
        print(f"{harness.path.name}: {name}: {'proved' if proved else 'NOT PROVED'}")
        if not proved:
            print(log)
            return False
    return True


def fails_when_broken(harness, edit, number, rtl, package, solver, scratch):
    file, old, new = edit
    text = (rtl / file).read_text()
    if file.removesuffix(".sv") not in harness.rtl or text.count(old) != 1:
        raise WrongHarness(f"{harness.path.name}: break {number} no longer applies: '{old}' stands {text.count(old)} "
                           f"times in {file}, or the proof does not read this file")
    broken = scratch / f"broken{number}"
    broken.mkdir()
    for name in harness.rtl:
        shutil.copy(rtl / f"{name}.sv", broken)
    (broken / file).write_text(text.replace(old, new))
    smt2 = scratch / f"broken{number}.smt2"
    translate(harness, [broken / f"{name}.sv" for name in harness.rtl], package, smt2)
    proved, _ = solve(smt2, solver, "-t", str(harness.cycles))
    print(f"{harness.path.name}: broken by '{old}' -> '{new}': {'STILL PROVED' if proved else 'a counterexample'}")
    return not proved


def main():
    parser = argparse.ArgumentParser(description="Proves a harness, and sees it fail on broken RTL.")
    parser.add_argument("--package", required=True, type=pathlib.Path)
    parser.add_argument("--rtl", type=pathlib.Path, default=HERE.parents[1] / "rtl")
    parser.add_argument("--solver", default="z3")
    parser.add_argument("harness", type=pathlib.Path)
    given = parser.parse_args()
    for tool, debian in (("yosys", "yosys"), ("yosys-smtbmc", "yosys"), (given.solver, given.solver)):
        if shutil.which(tool) is None:
            print(f"error: {tool} is not installed, so nothing is proved (Debian: apt-get install {debian})")
            return 2
    try:
        harness = read_harness(given.harness)
        with tempfile.TemporaryDirectory() as folder:
            scratch = pathlib.Path(folder)
            good = prove(harness, given.rtl, given.package, given.solver, scratch)
            for number, edit in enumerate(harness.breaks, 1):
                good &= fails_when_broken(harness, edit, number, given.rtl, given.package, given.solver, scratch)
    except (WrongHarness, OSError) as error:
        print(f"error: {error}")
        return 2
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
