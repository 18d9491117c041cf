"""Gate `lint`: is the code clean?"""

from collections.abc import Iterator

from mlops.gates.result import Evidence, Gate

ID = "lint"


def check(evidence: Evidence) -> Iterator[Gate]:
    """ruff, zizmor and actionlint find nothing. In CI lint is a job of its own, which the required check needs too."""
    if evidence.lint is None:
        yield Gate(ID, "Lint", "neutral", None, None, "a job of its own")
    else:
        clean = evidence.lint == "pass"
        mend = "`make format`, then `make lint`" if "ruff" in evidence.lint else "`make lint`"
        message = "nothing found" if clean else f"{evidence.lint or ID} found something: run {mend}"
        yield Gate(ID, "Lint", "pass" if clean else "fail", None, None, message)
