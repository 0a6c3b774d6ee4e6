#!/usr/bin/python3
"""The runner of the proofs on a small counter: a true proof passes; a false one, a proof that does not notice a broken copy,
an edit that no longer applies, an unreached cover and a missing solver do not."""
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
COUNTER = """module counter (input logic clk_i, input logic rst_ni, output logic [2:0] count_o);
  always_ff @(posedge clk_i) if (!rst_ni || count_o == 3'd4) count_o <= 3'd0; else count_o <= count_o + 3'd1;
endmodule
"""
HARNESS = """//@ rtl: counter
//@ cycles: 8
//@ induction: 1
//@ part: quick
//@ break: counter.sv | {old} | {new}
module proof (input logic clk_i, input logic rst_ni);
  logic [2:0] count;
  counter dut (.clk_i, .rst_ni, .count_o(count));
  logic begun = 1'b0;
  always_ff @(posedge clk_i) begun <= 1'b1;
  always_comb begin
    assume (begun || !rst_ni);
    if (begun) assert ({claim});
    cover (begun && {covered});
  end
endmodule
"""
GOOD = {"old": "count_o == 3'd4", "new": "count_o == 3'd5", "claim": "count <= 3'd4", "covered": "count == 3'd4"}
# What is changed of the good harness, further arguments, the exit code and a word of the output.
CASES = [
    ({}, [], 0, "a counterexample"),
    ({"claim": "count <= 3'd3"}, [], 1, "from reset: NOT PROVED"),
    ({"claim": "count != 3'd6"}, [], 1, "by induction: NOT PROVED"),  # true, but it does not follow from itself
    ({"new": "count_o == 3'd3"}, [], 1, "STILL PROVED"),
    ({"old": "count_o == 3'd6"}, [], 2, "break 1 no longer applies"),
    ({"old": "3'd"}, [], 2, "break 1 no longer applies"),  # not unique
    ({"covered": "count == 3'd5"}, [], 1, "covers: NOT PROVED"),
    ({"claim": "no_such_wire"}, [], 2, "Yosys does not read it"),
    ({}, ["--solver", "no-such-solver"], 2, "no-such-solver is not installed"),
]


def main():
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        room = pathlib.Path(folder)
        (room / "counter.sv").write_text(COUNTER)
        (room / "bl_pkg.sv").write_text("package bl_pkg;\nendpackage\n")
        for change, more, code, word in CASES:
            (room / "harness.sv").write_text(HARNESS.format(**{**GOOD, **change}))
            done = subprocess.run([HERE / "prove.py", "--package", room / "bl_pkg.sv", "--rtl", room, *more,
                                   room / "harness.sv"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            if done.returncode != code or word not in done.stdout:
                failures += 1
                print(f"{change} {more}: exit code {done.returncode}, expected {code} and '{word}':\n{done.stdout}")
    print(f"{len(CASES)} cases, {failures} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
