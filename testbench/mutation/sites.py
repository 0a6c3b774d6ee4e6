"""A place where a mutant can stand, and how mutants become text: shared by the C++ and the SystemVerilog side."""
import hashlib
import json
import pathlib
from dataclasses import dataclass


@dataclass
class Mutant:
    """One change: the text [start, end) of a file becomes `text` while the mutant is switched on."""

    file: str  # relative to the tree
    start: int
    end: int
    kind: str  # arithmetic, boundary, width, dropped, swapped, constant, logic, stale, ...
    text: str
    form: str  # expression or statement
    line: int = 0
    number: int = -1

    def key(self):
        return f"{self.file}:{self.start}:{self.end}:{self.kind}:{self.text}"


def original(source, mutant):
    return source[mutant.start : mutant.end]


def one_line(text):
    return " ".join(text.split())


def apply(source, mutants, choose):
    """The source with all its mutants in it. `choose(mutant, changed, unchanged)` is the text that picks one of the two.

    Inner mutants stand only in the unchanged alternative of outer ones: no two are ever on at once.
    """
    ordered = sorted(mutants, key=lambda m: (m.start, -m.end, m.number))

    def expand(start, end, inside):
        out, at, i = [], start, 0
        while i < len(inside):
            first = inside[i]
            same = [m for m in inside[i:] if (m.start, m.end) == (first.start, first.end)]
            nested = [m for m in inside[i:] if m not in same and m.start >= first.start and m.end <= first.end]
            out.append(source[at : first.start])
            text = expand(first.start, first.end, nested)
            for mutant in same:
                text = choose(mutant, mutant.text, text)
            out.append(text)
            at = first.end
            i += len(same) + len(nested)
        out.append(source[at:end])
        return "".join(out)

    return expand(0, len(source), ordered)


def cached(path, text, make):
    """make(), kept in the file `path` for as long as `text` stays what it was."""
    path = pathlib.Path(path)
    digest = hashlib.sha256(text.encode()).hexdigest()
    if path.exists():
        kept = json.loads(path.read_text())
        if kept["of"] == digest:
            return [Mutant(**m) for m in kept["mutants"]]
    found = make()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"of": digest, "mutants": [m.__dict__ for m in found]}))
    return found
