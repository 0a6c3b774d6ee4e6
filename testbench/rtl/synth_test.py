#!/usr/bin/python3
"""The areas of `bitloom synth` on modules that are counted by hand, with a library of five cells of our own."""
import pathlib
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "rtl" / "synth"))
import area

LIBRARY = """library(hand) {
  cell (NAND2X1) { area : 10;
    pin(A) { direction : input; } pin(B) { direction : input; }
    pin(Y) { direction : output; function : "(!(A B))"; } }
  cell (NOR2X1) { area : 11;
    pin(A) { direction : input; } pin(B) { direction : input; }
    pin(Y) { direction : output; function : "(!(A+B))"; } }
  cell (INVX1) { area : 7; pin(A) { direction : input; } pin(Y) { direction : output; function : "(!A)"; } }
  cell (LATCH) { area : 0; latch (IQ, IQN) { data_in : "D"; enable : "E"; }
    pin(D) { direction : input; } pin(E) { direction : input; } pin(Q) { direction : output; function : "IQ"; } }
  cell (DFFPOSX1) { area : 45; ff (IQ, IQN) { next_state : "D"; clocked_on : "CLK"; }
    pin(D) { direction : input; } pin(CLK) { direction : input; clock : true; }
    pin(Q) { direction : output; function : "IQ"; } } }
"""
GATE = "module gate(input a, b, output y); assign y = ~(a & b); endmodule\n"
# Two gates and a flip-flop: 2 * 10 + 45 = 65, or 6.5 GE.
PAIR = """module pair(input clk, a, b, c, d, output y, output logic q);
  gate g0(a, b, y); logic n; gate g1(c, d, n); always_ff @(posedge clk) q <= n;
endmodule
"""
# Memories have no area: neither a module that is one, with all its logic, nor an array in another one.
MEMORY = """// A memory.
module bl_memory #(
    parameter int Words = 2
) (
    input clk, input [4:0] d, input [1:0] at, output logic [4:0] q
);
  logic [4:0] memory [Words];
  always_ff @(posedge clk) begin memory[at] <= d; q <= memory[at] + 5'd3; end
endmodule
"""
# Three pairs and one gate: 3 * 65 + 10 = 205, or 20.5 GE.
WHOLE = """module whole(
    input clk, we, input [3:0] i, input [7:0] d, output [7:0] o, output [4:0] p, output [2:0] y, q, output z
);
  for (genvar n = 0; n < 3; n++) begin : g pair u(clk, i[0], i[1], i[2], i[3], y[n], q[n]); end
  gate last(i[0], i[3], z);
  bl_memory #(.Words(4)) sram(clk, d[4:0], i[1:0], p);
  logic [7:0] words [16]; assign o = words[i];
  always_ff @(posedge clk) if (we) words[i] <= d;
endmodule
"""
failures = 0


def check(what, got, expected):
    global failures
    right = got == expected
    failures += not right
    print(f"ok: {what}" if right else f"FAILED: {what}: got {got}, expected {expected}")


def refused(what, code, text, call):
    try:
        call()
        check(what, "no error", text)
    except area.Failure as failure:
        check(what, (failure.code, text in str(failure)), (code, True))


def tree_of(folder, text, top):
    (folder / "text.sv").write_text(text)
    (folder / "bl_memory.sv").write_text(MEMORY)
    library = folder / "hand.lib"
    library.write_text(LIBRARY)
    modules = area.synthesize([folder / "text.sv", folder / "bl_memory.sv"], top, library, folder / "scratch")
    return area.in_gates(area.totals(modules, top), area.cell_areas(library)["NAND2X1"])


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        gate = tree_of(folder, GATE, "gate")
        check("a NAND is one gate equivalent", gate["kge"], 0.001)
        whole = tree_of(folder, GATE + PAIR + WHOLE, "whole")
        check("the whole", (whole["kge"], whole["share"]), (0.0205, 1.0))
        held = [(each["module"], each["instances"], each["kge"], each["share"]) for each in whole["holds"]]
        parts = [("pair", 3, 0.0065, 195 / 205), ("gate", 1, 0.001, 10 / 205)]
        check("its parts, the largest first", held, parts)
        inner = area.find(whole, "gate")
        check("a part's part", (inner["instances"], inner["kge"], inner["share"]), (2, 0.001, 60 / 205))
        lines = [line.split() for line in area.table(whole)]
        check("the table", lines, [
            ["whole", "1", "0.0", "100.0", "%"], ["pair", "3", "0.0", "95.1", "%"], ["gate", "2", "0.0", "29.3", "%"],
            ["gate", "1", "0.0", "4.9", "%"],
        ])  # fmt: skip
        latch = "module latch(input e, d, output logic q); always_latch if (e) q = d; endmodule\n"
        refused("a cell that the library lacks", 3, "module latch: the library has no area for",
                lambda: tree_of(folder, latch, "latch"))  # fmt: skip
        refused("a text that Yosys does not read", 3, "syntax error", lambda: tree_of(folder, "module m(", "m"))
        refused("no library", 2, "apt-get install qflow-tech-osu018", lambda: area.cell_areas(folder / "none.lib"))
        (folder / "empty.lib").write_text(LIBRARY.replace("area : 10", "area : 0"))
        refused("a gate without an area", 2, "expected an area above 0", lambda: area.cell_areas(folder / "empty.lib"))
        refused("an unknown hardware", 2, "--hw: no hardware 'none'; expected a file or one of: base, datacenter, edge, odd, tiny",
                lambda: area.package_of("none", ROOT, "gen", folder))  # fmt: skip
    return failures != 0


sys.exit(main())
