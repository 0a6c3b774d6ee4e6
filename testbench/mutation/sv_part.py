"""What the mutation command knows of the RTL. The units alone and the smallest machine are built and tested."""
import glob
import os

from sites import cached
from sv_sites import choose, find


class SvPart:
    def __init__(self):
        self.part, self.labels, self.choose = "rtl", ("rtl",), choose

    def settings(self, tree):
        """Verilator must not stop at the lint messages that mutants cause, and only `tiny` is made."""
        return [f"-DCMAKE_CXX_FLAGS=-O1 -w -include {tree}/testbench/mutation/mutant.hpp", "-DCMAKE_EXE_LINKER_FLAGS=-rdynamic",
                f"-DVERILATOR={tree}/testbench/mutation/verilator.sh", "-DBITLOOM_RTL_HARDWARE=tiny"]

    def wanted(self, test):
        return "base" not in test and "odd" not in test and "large" not in test and "library" not in test

    def find(self, tree, build):
        names = sorted(os.path.relpath(f, tree) for f in glob.glob(f"{tree}/rtl/*.sv"))
        texts = {}
        for name in names:
            with open(f"{tree}/{name}", encoding="latin-1") as file:
                texts[name] = file.read()
        # Packages have no place for the imported function.
        return cached(f"{build}/sites-rtl.json", "".join(texts.values()),
                      lambda: [m for n in names if "\nmodule " in "\n" + texts[n] for m in find(n, texts[n])])

    def head(self, text):
        """Every mutated module imports the function that says whether a mutant is on."""
        at = text.index(");", text.index("module ")) + 2
        return text[:at] + ' import "DPI-C" pure bitloom_mutant_rtl = function bit bitloom_mutant(input int number);' + text[at:]
