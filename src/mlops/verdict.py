"""The verdict: every gate, every waiver, one word. reports/verdict.json follows src/mlops/verdict.schema.json."""

from dataclasses import asdict, replace
from datetime import date, timedelta

from mlops import gates
from mlops.errors import CannotRun
from mlops.files import write_json
from mlops.gates.result import Evidence, Gate, form
from mlops.params import Waiver
from mlops.paths import METRICS, REPORT_PAGE, VERDICT

SCHEMA = 1
EXIT = {"pass": 0, "fail": 1, "partial": 2, "error": 2}  # partial: what was left out could not be judged
CANDIDATE = ("model_hash", "data_hash", "metrics", "rows", "window")
FIRM = {"lock", "leakage"}  # without them nobody knows what was judged
LONGEST = timedelta(days=90)
MARKS = {"pass": "PASS", "neutral": "----", "waived": "WAIV", "warn": "WARN", "fail": "FAIL"}  # in a terminal's order


def decide(evidence: Evidence, found: list[Gate], today: date | None = None) -> dict:
    """Return the content of verdict.json. Any failed gate fails; a stage left out makes it partial, never pass.

    Raises CannotRun where no gate said anything, a waiver names no gate, or metrics.json misses a key.
    """
    waivers, today = evidence.params.gates.waivers, today or date.today()
    judged = waive(found, waivers, today)
    if not judged:
        raise CannotRun("no gate said anything, so nothing was judged: run `make pr` again")
    absent = [name for name in CANDIDATE if name not in evidence.metrics]
    if absent:
        raise CannotRun(f"{METRICS} has no '{absent[0]}': run `make train` again")
    word = "fail" if any(gate.status == "fail" for gate in judged) else "partial" if evidence.skipped else "pass"
    main = evidence.baseline
    return {
        "schema": SCHEMA,
        "verdict": word,
        "message": "\n".join([_headline(word, judged, evidence), *_behind(evidence.behind)]),
        "gates": [asdict(gate) for gate in judged],
        "waivers": [waiver.model_dump(mode="json") | {"expired": waiver.expires < today} for waiver in waivers],
        "baseline": {
            "commit": main.commit if main else None,
            "model_hash": main.model.hash if main else None,
            "how": main.how if main else None,
            "note": main.note if main else evidence.no_baseline,
        },
        "candidate": {name: evidence.metrics[name] for name in CANDIDATE},
        "rows_compared": len(evidence.target),
    }


def error(message: str, failed: list[Gate] | None = None) -> dict:
    """Return the verdict of a run that could not judge: fail where gates are known to have failed, else error."""
    empty = {"commit": None, "model_hash": None, "how": None, "note": ""}
    return {
        "schema": SCHEMA,
        "verdict": "fail" if failed else "error",
        "message": failed[0].message if failed else message,
        "gates": [asdict(gate) for gate in failed or []],
        "waivers": [],
        "baseline": empty,
        "candidate": None,
        "rows_compared": 0,
    }


def waive(found: list[Gate], waivers: list[Waiver], today: date) -> list[Gate]:
    """Return the gates with those that a valid waiver names marked waived; raises CannotRun for a waiver of no known gate."""
    known = sorted({module.ID for module in gates.GATES} - FIRM)
    for waiver in waivers:
        if waiver.gate not in known:
            raise CannotRun(
                f"params.yaml: gates.waivers names gate '{waiver.gate}'; those that can be waived are {', '.join(known)}"
            )
        if waiver.expires > today + LONGEST:
            raise CannotRun(
                f"params.yaml: the waiver of '{waiver.gate}' runs until {waiver.expires}: {LONGEST.days} days is the most, then look again"
            )
    # where a gate has several, the one that runs longest counts
    latest = {waiver.gate: waiver for waiver in sorted(waivers, key=lambda waiver: waiver.expires)}
    return [_waived(gate, latest.get(gate.id), today) for gate in found]


def _waived(gate: Gate, waiver: Waiver | None, today: date) -> Gate:
    if waiver is None or gate.status != "fail":
        return gate
    if waiver.expires < today:
        return replace(gate, message=f"{gate.message}; its waiver by {waiver.approver} expired on {waiver.expires}")
    return replace(
        gate,
        status="waived",
        message=f"{gate.message}; waived by {waiver.approver} until {waiver.expires}: {waiver.reason}",
    )


def write(found: dict) -> None:
    """Write reports/verdict.json."""
    write_json(VERDICT, found)


def summary(found: dict) -> str:
    """Return the verdict as a terminal shows it: passes counted, what asks for a person after them, the answer last."""
    passed = sum(gate["status"] == "pass" for gate in found["gates"])
    said = [(gate["status"], f"{gate['title']}: {gate['message']}") for gate in found["gates"]]
    said += [("warn", _over(waiver)) for waiver in found["waivers"] if waiver["expired"]]
    lines = [f"{MARKS[status]}  {text}" for status in list(MARKS)[1:] for own, text in said if own == status]
    counted = [f"{MARKS['pass']}  {passed} gate{'s' * (passed != 1)}"] if passed else []
    answer = f"verdict: {found['verdict']}: {found['message']}"
    return "\n".join([*counted, *lines, "", answer, f"read {REPORT_PAGE}"])


def _over(waiver: dict) -> str:
    who = f"the waiver of gate `{waiver['gate']}` by {waiver['approver']}"
    return f"{who} expired on {waiver['expires']}: take it out of params.yaml, or give it a new day"


def _behind(commits: int) -> list[str]:
    fix = "`git merge origin/main`, then `make pr` again"
    return [f"main is {commits} commit{'s' * (commits > 1)} ahead of this branch: {fix}"] if commits else []


def _headline(word: str, judged: list[Gate], evidence: Evidence) -> str:
    failed = [gate.title for gate in judged if gate.status == "fail"]
    if failed:
        more = f" and {len(failed) - 5} more" if len(failed) > 5 else ""
        return f"{len(failed)} of {len(judged)} gates failed: {'; '.join(failed[:5])}{more}"
    primary = evidence.params.gates.primary
    change = evidence.differences.get(primary)
    shown = form(change.main, change.candidate) if change else ""
    against = f"{primary} {change.main:{shown}} -> {change.candidate:{shown}}" if change else evidence.no_baseline
    left = f", without {', '.join(sorted(evidence.skipped))}" if word == "partial" else ""
    words = {"warn": "warned", "waived": "waived", "neutral": "had nothing to judge"}
    counted = [(sum(gate.status == status for gate in judged), said) for status, said in words.items()]
    others = ", ".join(f"{count} {said}" for count, said in counted if count)
    return f"no gate failed of {len(judged)}{f' ({others})' if others else ''}{left}; {against}"
