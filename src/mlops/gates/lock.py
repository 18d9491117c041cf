"""Gate `lock`: do dvc.lock and metrics.json tell the truth about this tree?"""

from collections.abc import Iterator

from mlops.gates.result import Evidence, Gate

ID = "lock"


def check(evidence: Evidence) -> Iterator[Gate]:
    """dvc.lock and metrics.json in the commit are what the pipeline makes of it.

    Stale: run `make pr` on an x86-64 machine and commit both files, or take CI's with `make lock PR=<number>`.
    """
    status, message = evidence.lock.get("status", "fail"), evidence.lock.get("message", "dvc.lock was not looked at")
    yield Gate(ID, "Lock", status, None, None, message)
