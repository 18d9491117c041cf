"""Gate `floor`: does the candidate reach the values that a model must have, whatever main has?"""

from collections.abc import Iterator

from mlops.gates.result import Evidence, Gate, limit
from mlops.metrics import named

ID = "floor"


def check(evidence: Evidence) -> Iterator[Gate]:
    """`gates.floors` names the least (for costs and losses: the largest) value of a metric on all test rows."""
    measured, floors = evidence.metrics["metrics"], evidence.params.gates.floors
    if not floors:
        yield Gate(ID, "Floors", "neutral", None, None, "`gates.floors` in params.yaml names no metric")
    for name, least in floors.items():
        metric = named(name)
        word = "at least" if metric.better == "higher" else "at most"
        message = f"{metric.title} must be {word} {least:g} on the test rows"
        if name not in measured:
            message += f"; metric '{name}' was not measured: correct `gates.floors` in params.yaml"
        yield limit(
            ID,
            f"{metric.title} floor",
            measured.get(name),
            least,
            message,
            above=metric.better == "higher",
        )
