"""Gate `deepchecks`: do the checks of data integrity and leakage hold?"""

from collections.abc import Iterator

from mlops.gates.result import Evidence, Gate

ID = "deepchecks"


def check(evidence: Evidence) -> Iterator[Gate]:
    """Each check named in `deepchecks.gate` must hold; one that already fails on main is a warning, a newly failing one a failure.

    A check that could not run fails, on main or not.
    """
    gating = evidence.params.deepchecks.gate
    if ID in evidence.skipped:
        yield _alone("neutral", "left out with SKIP=deepchecks, so the verdict is partial at best")
    elif evidence.deepchecks is None:
        yield _alone(
            "fail",
            "reports/deepchecks.json is not there, so the suite did not run: run `make setup-deepchecks`, then `make pr`",
        )
    elif not gating:
        yield _alone("neutral", "`deepchecks.gate` in params.yaml names no check, so none gates")
    else:
        now, before = failing(evidence.deepchecks), failing(evidence.main_deepchecks, broken=False)
        ran = {item["check"] for item in evidence.deepchecks["checks"]}
        for name in gating:
            yield _judged(name, now.get(name, []) if name in ran else ["it did not run"], before.get(name, []))


def _alone(status: str, message: str) -> Gate:
    return Gate(ID, "deepchecks", status, None, None, message)


def _judged(name: str, found: list[str], before: list[str]) -> Gate:
    new = [condition for condition in found if condition not in before]
    status = "fail" if new else "warn" if found else "pass"
    message = "holds" if not found else "; ".join(new or found) + ("" if new else " (already so on main)")
    return Gate(ID, f"deepchecks {name}", status, len(found), 0, message)


def failing(report: dict | None, broken: bool = True) -> dict[str, list[str]]:
    """Return {check: what fails in it} of reports/deepchecks.json, without the checks in which nothing does.

    broken: with the checks that could not judge (an error, no condition); such a failure on main excuses nothing.
    """
    found: dict[str, list[str]] = {}
    for item in report["checks"] if report else []:
        failed = [condition for condition in item["conditions"] if not condition["passed"]]
        bad = [condition["name"] for condition in failed if condition["category"] != "error"]
        errors = [condition["name"] for condition in failed if condition["category"] == "error"]
        why = item["error"] or "; ".join(errors) or ("" if item["conditions"] else "it has no condition to hold")
        if broken and why:
            bad.append(f"could not judge: {why}")
        if bad:
            found.setdefault(item["check"], []).extend(bad)
    return found
