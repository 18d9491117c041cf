"""Gate `data_contract`: does the table keep the rules of data/contract.yaml?"""

from collections.abc import Iterator

from mlops.gates.result import Evidence, Gate
from mlops.pipeline.validate import sentence

ID = "data_contract"


def check(evidence: Evidence) -> Iterator[Gate]:
    """A broken critical rule fails; a broken warning rule is shown."""
    if evidence.validation is None:
        yield Gate(
            ID,
            "Data contract",
            "fail",
            None,
            0,
            "reports/validation.json is not there, so the table was not validated: run `make train` and read its last lines",
        )
        return
    rules = evidence.validation["rules"]
    broken = [rule for rule in rules if not rule["passed"]]
    critical = [rule for rule in broken if rule["severity"] == "critical"]
    status = "fail" if critical or not rules else "warn" if broken else "pass"
    shown, more = (critical or broken)[:3], len(critical or broken) - 3
    sentences = [*map(sentence, shown), *([f"and {more} more"] if more > 0 else [])]
    message = "; ".join(sentences) or (f"all {len(rules)} rules hold" if rules else "no rule was checked")
    yield Gate(ID, "Data contract", status, len(critical), 0, message)
