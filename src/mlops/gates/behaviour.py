"""Gate `behaviour`: do the owner's tests of the model's behaviour hold?"""

from collections.abc import Iterator

from mlops.gates.result import Evidence, Gate, number

ID = "behaviour"


def check(evidence: Evidence) -> Iterator[Gate]:
    """Every test in tests/model must hold; one that holds by construction is said, and is no pass.

    A test that was skipped proved nothing, so it fails; so does a kind of `behaviour.require` without a test.
    """
    if evidence.behaviour is None:
        yield Gate(
            ID,
            "Behaviour",
            "fail",
            None,
            None,
            "reports/behaviour.json is not there, so tests/model did not run: run `make train` and read its last lines",
        )
        return
    tests = evidence.behaviour["tests"]
    for test in tests:
        yield _judged(test, evidence.params.reports.examples)
    for kind in sorted({*evidence.params.behaviour.require} - {test["kind"] for test in tests}):
        file = f"tests/model/test_{kind.replace(' ', '_')}.py"
        yield Gate(
            ID,
            kind.capitalize(),
            "fail",
            None,
            None,
            f"no test of this kind ran: add one to {file}, or take it out of `behaviour.require` in params.yaml",
        )


def _judged(test: dict, examples: bool) -> Gate:
    title = f"{test['kind'].capitalize()}: {test['test'].removeprefix('test_').replace('_', ' ')}"
    held = 1 - test["failed"] / test["cases"] if test["cases"] else None
    counted = f"{test['failed']:,} of {test['cases']:,} cases fail" if test["cases"] else ""
    status = {"pass": "pass", "by construction": "neutral"}.get(test["status"], "fail")
    if status == "pass" and held is not None and not held >= test["required"]:
        status = "fail"
    message = "; ".join(part for part in (_words(test, examples), counted) if part)
    return Gate(
        ID, title, status, number(held), test["required"], message or ("holds" if status == "pass" else "fails")
    )


def _words(test: dict, examples: bool) -> str:
    if test["status"] == "skipped":
        return f"it was skipped, which proves nothing: mend it or take it out ({test['message']})"
    if test["message"].startswith("assert ") and not examples:  # pytest's own words quote the values it compared
        return "an assertion without a message of its own is false"
    return test["message"]
