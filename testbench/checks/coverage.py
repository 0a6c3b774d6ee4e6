"""coverage.py LCOV ROOT: totals of lines and branches of model/, and for each file those that nothing ran."""
import os
import sys


def read(path, root):
    files, current = {}, None
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            key, _, rest = line.strip().partition(":")
            if key == "SF":
                # A compiler cache may have made the path one by way of the build folder.
                current = files.setdefault(os.path.relpath(rest, root), ({}, {}))
            elif key == "DA":
                number, count = (int(v) for v in rest.split(",")[:2])
                current[0][number] = max(count, current[0].get(number, 0))
            elif key == "BRDA":
                number, block, branch, count = rest.split(",")
                place = (int(number), block, branch)
                current[1][place] = max(0 if count == "-" else int(count), current[1].get(place, 0))
    return {name: counts for name, counts in files.items() if name.startswith("model/")}


def ranges(numbers):
    parts = []
    for n in sorted(numbers):
        if parts and parts[-1][1] == n - 1:
            parts[-1][1] = n
        else:
            parts.append([n, n])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in parts)


def share(counts):
    run = sum(1 for count in counts if count)
    return f"{100 * run / max(1, len(counts)):.1f} % ({run} of {len(counts)})"


def main():
    files = read(sys.argv[1], sys.argv[2])
    if not files:
        sys.exit("coverage: no source of model/ in the report")
    for name, (lines, branches) in sorted(files.items()):
        missing = ranges(n for n, count in lines.items() if not count)
        untaken = ranges({place[0] for place, count in branches.items() if not count and lines.get(place[0])})
        if missing or untaken:
            print(f"{name}:" + (f" lines not run {missing};" if missing else "")
                  + (f" branches never taken on lines {untaken}" if untaken else ""))
    print("model/: lines " + share([c for lines, _ in files.values() for c in lines.values()])
          + ", branches " + share([c for _, branches in files.values() for c in branches.values()]))


main()
