"""Gate `parity`: does the served model say what the fitted pipeline says?"""

from collections.abc import Iterator

from mlops.gates.result import Evidence, Gate, limit

ID = "parity"


def check(evidence: Evidence) -> Iterator[Gate]:
    """On every test row, ONNX and scikit-learn differ by at most `gates.parity`, and no decision differs."""
    parity = evidence.metrics.get("parity") or {}
    if not parity.get("rows"):  # differences of no rows are not small, they are none
        parity = {}
    unit = " (in standard deviations of the predictions)" if evidence.table.task == "regression" else ""
    message = f"largest difference on {parity.get('rows', 0):,} test rows{unit}; ONNX computes in float32"
    yield limit(
        ID,
        "Score difference between ONNX and scikit-learn",
        parity.get("max_difference"),
        evidence.params.gates.parity,
        message,
    )
    yield limit(
        ID,
        "Decisions that differ",
        parity.get("decisions_changed"),
        0,
        "decisions of ONNX and scikit-learn at the same threshold",
    )
