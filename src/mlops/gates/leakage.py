"""Gate `leakage`: did a test row take part in training?"""

from collections.abc import Iterator

from mlops.gates.result import Evidence, Gate, limit

ID = "leakage"


def check(evidence: Evidence) -> Iterator[Gate]:
    """No id of the test rows is among the rows that training saw."""
    yield limit(
        ID,
        "Test ids seen in training",
        evidence.shared_keys,
        0,
        "ids of test rows that are in models/training_keys.parquet",
    )
