"""How often the gates fail a recipe that did not change: main's model of one sample, the candidate's of a fresh one.

Run: .venv/bin/python benchmarks/false_alarms.py [samples] (default 50; about 15 minutes on 2 cores)
For 1,000 and 5,000 test rows: each sample has its own seed; both models are fitted by params.yaml; main's is scored on the
candidate's test rows, which it never saw. Counted: samples with a failed gate among those that look at rows and scores.
"""

import os
import sys
from collections import Counter

from mlops.cli import PINS

os.environ.update(PINS)

import numpy as np

from mlops import baseline, compare, contract, gates, params, split
from mlops.encoding import spec
from mlops.export import to_onnx
from mlops.gates.result import Evidence
from mlops.metrics import evaluate, rounded
from mlops.onnx_model import Model
from mlops.pipeline.train import described, fit
from model.sample import generate

LOOKING = ("degradation", "floor", "slices", "fairness", "calibration")
MONTHS = 17  # of 18: the last month's labels are too young


def main() -> None:
    """Print, for each size, how many samples failed and which gates."""
    samples = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    for rows in (1000, 5000):
        found = Counter()
        failing = sum(bool(failed(seed, rows, found)) for seed in range(samples))
        print(f"{rows} test rows: {failing} of {samples} samples fail; {dict(found)}", flush=True)


def failed(seed: int, rows: int, found: Counter) -> set[str]:
    """Return the ids of the gates that fail a fresh sample of this seed, and count their titles."""
    knobs, table = params.read(), contract.read()
    old, _ = model_of(2 * seed + 1000, rows, knobs, table)
    new, parts = model_of(2 * seed + 1001, rows, knobs, table)
    test = parts["test"].reset_index(drop=True)
    score = np.round(new.score(test), 6)
    evidence = Evidence(knobs, table, {}, threshold=new.threshold, inputs=[column["name"] for column in new.columns])
    compare.measure(
        evidence, baseline.Baseline("0" * 40, "rescored", old), new, test.assign(_score=list(score)), parts["train"]
    )
    evidence.metrics = {"metrics": rounded(evaluate(evidence.target, new.said(score)))}
    red = [gate for gate in gates.judge(evidence) if gate.id in LOOKING and gate.status == "fail"]
    found.update(gate.title for gate in red)
    return {gate.id for gate in red}


def model_of(seed: int, rows: int, knobs, table):
    """Return the model fitted on a sample of this seed, and its parts."""
    monthly = round(rows / (knobs.split.test / 100) / MONTHS)
    frame = generate(knobs.data.window.start, knobs.data.window.end, seed=seed, rows_per_month=monthly)
    part = split.assign(frame, table, knobs.split)
    parts = {name: frame[part == name] for name in split.PARTS}
    fitted = fit(parts["train"], parts["validation"], table, knobs.train)
    told = described(table, fitted["threshold"])
    return Model(to_onnx(fitted["pipeline"], spec(table), fitted["calibration"], told)), parts


if __name__ == "__main__":
    main()
