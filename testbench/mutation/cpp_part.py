"""What the mutation command knows of a part that is written in C++."""
import glob
import json
import multiprocessing
import pathlib
import shlex

from cpp_sites import Finder, choose
from sites import cached

LABELS = {"model": ("model",), "kernels": ("kernels", "sim"), "sim": ("sim", "cosim")}


class CppPart:
    suffixes = (".cpp", ".hpp", ".inc")

    def __init__(self, part):
        self.part, self.labels, self.choose = part, LABELS[part], choose

    def settings(self, tree):
        return [f"-DCMAKE_CXX_FLAGS=-O1 -w -include {tree}/testbench/mutation/mutant.hpp"]

    def wanted(self, test):
        return True

    def head(self, text):
        return text

    def find(self, tree, build):
        sources = sorted(glob.glob(f"{tree}/{self.part}/**/*.cpp", recursive=True))
        texts = sorted(f for s in self.suffixes for f in glob.glob(f"{tree}/{self.part}/**/*{s}", recursive=True))
        text = "".join(open(f, encoding="latin-1").read() for f in texts)
        return cached(f"{build}/sites-{self.part}.json", text, lambda: self.parse(tree, build, sources))

    def parse(self, tree, build, sources):
        commands = json.loads(pathlib.Path(build, "compile_commands.json").read_text())
        flags = {c["file"]: [a for a in shlex.split(c["command"]) if a.startswith(("-D", "-I", "-m"))] for c in commands}
        found = {}
        with multiprocessing.Pool() as pool:
            for mutants in pool.imap(parse_one, [(tree, self.part, s, flags[s]) for s in sources if s in flags]):
                found.update((m.key(), m) for m in mutants)
        return list(found.values())


seen_headers = set()  # of this process: a header is walked once


def parse_one(task):
    tree, part, source, flags = task
    finder = Finder(tree, part, seen_headers)
    finder.parse(source, ["-std=c++20", *flags])
    return finder.found
