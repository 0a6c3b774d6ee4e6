#!/usr/bin/python3
"""Prints the area of the machine by module: Yosys maps the RTL onto a library of cells, one module at a time.
docs/area.md says what is counted and what is not."""
import argparse
import json
import pathlib
import re
import subprocess
import sys

KILO = 1000
SMALLEST_SHARE = 0.01  # of the machine: what is below has no line
GATE = "NAND2X1"  # its area is one gate equivalent
MEMORIES = ("bl_memory", "bl_lane_memory")  # SRAM macros of a chip: black boxes here, which saves minutes of reading
OSU018 = "/usr/share/qflow/tech/osu018/osu018_stdcells.lib"
# No module is dissolved into another: each has an area of its own, and equal ones are mapped once. Memories that a
# module infers stay cells without an area.
STEPS = (
    "proc; opt; memory_dff; memory_collect; opt_clean; wreduce; peepopt; opt_clean; alumacc; "
    "opt -fast -mux_undef -undriven -fine; techmap; opt_clean; dfflibmap -liberty {lib}; abc -fast -liberty {lib}; "
    "opt_clean"
)


class Failure(Exception):
    """What a user can mend, with the exit code that the entry script gives it."""

    def __init__(self, code, text):
        super().__init__(text)
        self.code = code


def cell_areas(liberty):
    """Returns the areas above 0 of the library's cells, in its own units; it has a NAND2X1."""
    path = pathlib.Path(liberty)
    if not path.is_file():
        raise Failure(2, f"no library {liberty}; install it with: apt-get install qflow-tech-osu018")
    found = re.findall(r"\bcell\s*\(\s*\"?(\w+)\"?\s*\)\s*{[^{}]*?\barea\s*:\s*([0-9.]+)", path.read_text())
    areas = {cell: float(area) for cell, area in found if float(area) > 0}
    if GATE not in areas:
        raise Failure(2, f"{liberty}: cell {GATE}: expected an area above 0, found none")
    return areas


def yosys(script, scratch):
    """Runs a script; its log stays in the scratch folder."""
    log = scratch / "yosys.log"
    (scratch / "area.ys").write_text(script)
    try:
        done = subprocess.run(["yosys", "-q", "-l", str(log), str(scratch / "area.ys")], capture_output=True, text=True)
    except FileNotFoundError:
        raise Failure(2, "no yosys in PATH; install it with: apt-get install yosys") from None
    if done.returncode != 0:
        said = (done.stdout + done.stderr).strip().splitlines()
        raise Failure(3, "yosys failed: " + "\n".join(said[-5:]) + f"\nthe whole log is {log}")


def base_name(module):
    """Returns the name in the text: $paramod$0123\\bl_memory and $paramod\\bl_memory\\Words=4 are bl_memory."""
    return next((part for part in module.split("\\") if part and not part.startswith("$")), module)


def black_box(text):
    """Returns a module's text without its body."""
    begin, end = re.search(r"^module ", text, re.M).start(), text.index("\n);") + len("\n);\n")
    return f"(* blackbox *)\n{text[begin:end]}endmodule\n"


def parse_stat(text):
    """Returns {module: {cells: {type: count}, area}} of what `stat` prints."""
    modules, current = {}, None
    for line in text.splitlines():
        if found := re.match(r"=== (.+) ===$", line):
            current = None if found[1] == "design hierarchy" else found[1]
            if current:
                modules[current] = {"cells": {}, "area": 0.0}
        elif current and (found := re.match(r"     (\S+) +(\d+)$", line)):
            modules[current]["cells"][found[1]] = int(found[2])
        elif current and (found := re.match(r"   Chip area for module '.*': ([0-9.]+)$", line)):
            modules[current]["area"] = float(found[1])
    return modules


def synthesize(sources, top, liberty, scratch):
    """Maps the modules below `top`. Returns {module: {cells: {type: count}, area}}, areas without what a module holds,
    in units of the library."""
    scratch.mkdir(parents=True, exist_ok=True)
    read, after = [], scratch / "stat.txt"
    for source in sources:
        if source.stem in MEMORIES:
            (scratch / source.name).write_text(black_box(source.read_text()))
            source = scratch / source.name
        read.append(str(source))
    yosys(
        f"read_verilog -sv {' '.join(read)}\nhierarchy -check -top {top}\n{STEPS.format(lib=liberty)}\n"
        f"tee -q -o {after} stat -liberty {liberty}\n",
        scratch,
    )
    modules = parse_stat(after.read_text())
    known = cell_areas(liberty)
    for name, module in modules.items():
        for cell in module["cells"]:
            uncounted = cell.startswith("$mem") or base_name(cell) in MEMORIES
            if cell not in modules and cell not in known and not uncounted:
                raise Failure(3, f"module {base_name(name)}: the library has no area for {cell}")
    return modules


def totals(modules, top):
    """Returns the tree of instances below `top`: {module, instances, area (of one, with all it holds), holds}."""

    def node(name, instances):
        own = modules[name]
        holds = [node(cell, count) for cell, count in own["cells"].items() if cell in modules]
        holds.sort(key=lambda each: -each["area"] * each["instances"])
        return {
            "module": base_name(name),
            "instances": instances,
            "area": own["area"] + sum(each["area"] * each["instances"] for each in holds),
            "holds": holds,
        }

    return node(top, 1)


def in_gates(tree, gate, whole=None, instances=1):
    """Returns the tree in kGE: {module, instances, kge (of one), share (of all at this place), holds}."""
    whole = whole or tree["area"]
    instances *= tree["instances"]
    return {
        "module": tree["module"],
        "instances": tree["instances"],
        "kge": tree["area"] / gate / KILO,
        "share": tree["area"] * instances / whole if whole else 0.0,
        "holds": [in_gates(each, gate, whole, instances) for each in tree["holds"]],
    }


def find(tree, module):
    """Returns the first place of a module in the tree, or None."""
    if tree["module"] == module:
        return tree
    return next((found for each in tree["holds"] if (found := find(each, module))), None)


def table(tree, depth=0):
    """Returns the lines of a tree, the largest parts first."""
    if depth and tree["share"] < SMALLEST_SHARE:
        return []
    name = "  " * depth + tree["module"]
    lines = [f"{name:<30} {tree['instances']:>9} {tree['kge']:>9.1f} {100 * tree['share']:>8.1f} %"]
    for each in tree["holds"]:
        lines += table(each, depth + 1)
    return lines


def verdict(result):
    """Returns the lines before the table."""
    machine = result["machine"]
    return [
        f"{result['hardware']}: {machine['kge']:.1f} kGE, without memories",
        f"array {result['rows']}x{result['cols']}: {result['array_kge']:.1f} kGE, {result['cell_kge']:.2f} a cell",
        f"vector engine with its Threefry: {result['vector_kge']:.1f} kGE, {result['lane_kge']:.1f} for each of its "
        f"{result['lanes']} lanes",
    ]


def sizes(package):
    """Returns rows, columns and lanes of a generated package."""
    return {
        key: int(re.search(rf"int {name} = (\d+);", package)[1])
        for key, name in (("rows", "ROWS"), ("cols", "COLS"), ("lanes", "LANES"))
    }


def measure(hardware, package, rtl, liberty, scratch):
    """Returns what --json writes."""
    gate = cell_areas(liberty)[GATE]
    modules = synthesize([package, *sorted(rtl.glob("*.sv"))], "bl_top", liberty, scratch)
    machine = in_gates(totals(modules, "bl_top"), gate)
    result = {"hardware": hardware, "gate": GATE, "gate_area": gate, **sizes(package.read_text())}
    result["array_kge"] = find(machine, "bl_array")["kge"]
    result["cell_kge"] = result["array_kge"] / (result["rows"] * result["cols"])
    result["vector_kge"] = find(machine, "bl_vector")["kge"]
    result["lane_kge"] = result["vector_kge"] / result["lanes"]
    result["machine"] = machine
    return result


def package_of(hardware, root, generator, scratch):
    """Writes the package of a hardware, which is a file or a name of traces/hardware, and returns its path."""
    folder = root / "traces" / "hardware"
    file = folder / f"{hardware}.json"
    if not file.is_file():
        file = pathlib.Path(hardware)
    if not file.is_file():
        names = ", ".join(sorted(path.stem for path in folder.glob("*.json")))
        raise Failure(2, f"--hw: no hardware '{hardware}'; expected a file or one of: {names}")
    package = scratch / "bl_pkg.sv"
    done = subprocess.run([generator, str(file), str(package)], capture_output=True, text=True)
    if done.returncode != 0:
        raise Failure(2, done.stderr.strip())
    return package


def main():
    parser = argparse.ArgumentParser(prog="bitloom synth", description="the area of the machine by module, in kGE")
    parser.add_argument("--hw", default="tiny", help="hardware file, or a name of traces/hardware (default: tiny)")
    parser.add_argument("--json", help="write the whole tree of modules there")
    parser.add_argument("--generator", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--scratch", required=True, type=pathlib.Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    root = pathlib.Path(__file__).resolve().parents[2]
    arguments.scratch.mkdir(parents=True, exist_ok=True)
    package = package_of(arguments.hw, root, arguments.generator, arguments.scratch)
    result = measure(pathlib.Path(arguments.hw).stem, package, root / "rtl", OSU018, arguments.scratch)
    if arguments.json:
        pathlib.Path(arguments.json).write_text(json.dumps(result, indent=1) + "\n")
    print("\n".join(verdict(result)))
    print(f"\n{'module':<30} {'instances':>9} {'kGE each':>9} {'share':>10}")
    print("\n".join(table(result["machine"])))


if __name__ == "__main__":
    try:
        main()
    except Failure as failure:
        print(f"bitloom: error: {failure}", file=sys.stderr)
        sys.exit(failure.code)
    except OSError as error:
        print(f"bitloom: error: {error}", file=sys.stderr)
        sys.exit(2)
