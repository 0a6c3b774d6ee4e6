"""Validates the files of traces/ by the schemas of traces/schema, and files with one fault each."""

import copy
import glob
import json
import sys

from jsonschema import Draft7Validator

FOLDERS = {
    "network": "networks",
    "recipe": "recipes",
    "hardware": "hardware",
    "hyper": "hyper",
    "energy": "energy",
    "experiment": "experiments",
    "dram": "dram",
}
# A good file, where the fault is, the key and its faulty value.
FAULTS = [
    ("recipe", "recipes/luq", ["gradient"], "binades", 5),
    ("recipe", "recipes/luq", ["gradient"], "factor", 4),
    ("recipe", "recipes/int8", ["gradient"], "binades", 6),
    ("recipe", "recipes/int8", ["update"], "beta1", 0.9),
    ("recipe", "recipes/fp32", [], "update", {}),
    ("network", "networks/mlp", [], "inptu", [4]),
    ("network", "networks/lenet", ["layers", 0], "eps", 0.1),
    ("network", "networks/lenet", ["layers", 0], "kernel", [1, 2, 3]),
    ("hardware", "hardware/base", [], "max_burst", 48),
    ("hyper", "hyper/default", ["learning_rate"], "every", 2),
    ("energy", "energy/7nm", ["rows", 0], "bytes", 8),
    ("dram", "dram/ddr4_3200", ["timing"], "cwll", 16),
    ("dram", "dram/ddr4_3200", ["organisation"], "banks", 0),
    ("dram", "dram/hbm3", ["supplies", 0], "volts", "1.1 V"),
    ("experiment", "experiments/fashion_mlp", ["rows", 0], "seeds", 0),
]


def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def main():
    failures = 0
    validators = {}
    for kind, folder in FOLDERS.items():
        schema = load(f"traces/schema/{kind}.json")
        Draft7Validator.check_schema(schema)
        validators[kind] = Draft7Validator(schema)
        files = sorted(glob.glob(f"traces/{folder}/*.json"))
        if not files:
            failures += 1
            print(f"FAILED: no file in traces/{folder}")
        for path in files:
            for error in validators[kind].iter_errors(load(path)):
                failures += 1
                print(f"FAILED: {path}: {list(error.path)}: {error.message}")
    for kind, name, path, key, value in FAULTS:
        document = copy.deepcopy(load(f"traces/{name}.json"))
        place = document
        for step in path:
            place = place[step]
        place[key] = value
        if validators[kind].is_valid(document):
            failures += 1
            print(f"FAILED: {name}: {path}: the schema accepts {key} = {value}")
    sys.exit(failures > 0)


main()
