"""Gate `degradation`: is the candidate worse than main, on the same rows?"""

from collections.abc import Iterator
from math import isfinite

from mlops.bootstrap import Difference, holm_adjusted, judge, rows_to_decide
from mlops.gates.result import Evidence, Gate, form, number
from mlops.metrics import Metric, named
from mlops.params import Gates

ID = "degradation"


def check(evidence: Evidence) -> Iterator[Gate]:
    """The primary metric may lose `gates.max_degradation` against main, each other metric its margin.

    Both models are scored on the same rows; the interval says what the choice of rows could have done. A loss beyond its margin
    fails where it stays sure after an adjustment (Holm) for the number of metrics: each is a chance of a false alarm.
    """
    gates = evidence.params.gates
    if evidence.baseline is None:
        status, message = _without(evidence)
        yield Gate(ID, "Degradation against main", status, None, gates.max_degradation, message)
        return
    seen = {name: evidence.differences[name] for name in margins(gates) if name in evidence.differences}
    adjusted = holm_adjusted(seen)
    for name, margin in margins(gates).items():
        yield judged(ID, "main", name, margin, seen.get(name), evidence, adjusted.get(name))


def _without(evidence: Evidence) -> tuple[str, str]:
    """Return status and message where nothing is compared: a first run passes, an adoption warns, all else fails."""
    if evidence.first_run:
        return "pass", evidence.no_baseline
    if not evidence.no_baseline:
        return "fail", "there is no baseline, and nothing says why: name one with BASE="
    if evidence.replaces_sample:
        return "warn", evidence.no_baseline
    fix = f"if that is meant, waive `{ID}` for this pull request (gates.waivers in params.yaml)"
    return "fail", f"{evidence.no_baseline}: {fix}"


def margins(gates: Gates) -> dict[str, float]:
    """Return {metric: how much worse it may get}: the primary metric first, by its own limit and no other."""
    return {gates.primary: gates.max_degradation} | {k: v for k, v in gates.margins.items() if k != gates.primary}


def judged(
    gate: str,
    against: str,
    name: str,
    margin: float,
    seen: Difference | None,
    evidence: Evidence,
    adjusted: Difference | None = None,
) -> Gate:
    """Return what gate `gate` says about the difference of metric `name` from the model called `against`.

    adjusted: the same with an interval for several metrics at once; a failure must be one by it too.
    """
    metric = named(name)
    title = f"{metric.title} against {against}"
    if seen is None:
        message = f"metric '{name}' was not measured: correct `gates` in params.yaml"
        return Gate(gate, title, "fail", None, margin, message)
    state, held = judge(seen.oriented(metric), margin), seen
    if state == "fail" and adjusted is not None and judge(adjusted.oriented(metric), margin) != "fail":
        state, held = "undecided", adjusted
    status = evidence.params.gates.undecided if state == "undecided" else state
    message = _message(state, seen, metric, margin, _undecided(held.oriented(metric), margin, len(evidence.target)))
    return Gate(gate, title, status, number(-seen.oriented(metric).delta), margin, message)


def _undecided(held: Difference, margin: float, rows: int) -> str:
    """Return why an undecided difference is one, and how many rows would decide it; bigger is better.

    held: with the interval that left it undecided. Intervals narrow with 1 / sqrt(rows) (Cochran, Sampling Techniques, 1977,
    chapter 4), so it is always more rows than there are: what fewer would decide is decided.
    """
    needed = rows_to_decide(held, margin, rows)
    if held.delta > 0:
        why = f"it gained on these rows, and they are too few to rule out a loss of more than {margin:g}"
    else:
        why = "too few rows to tell"
    return f"{why}; " + (
        f"about {max(needed, rows + 1):,} rows would decide" if needed else "more rows alone would not decide"
    )


def sure(seen: Difference, metric: Metric) -> str:
    """Return "better" or "worse" where the interval excludes 0, "" where it does not."""
    turned = seen.oriented(metric)
    return "better" if turned.low > 0 else "worse" if turned.high < 0 else ""


def _message(state: str, seen: Difference, metric: Metric, margin: float, undecided: str) -> str:
    shown = form(seen.main, seen.candidate)
    spread = f"95 % interval {seen.low:+{shown}} to {seen.high:+{shown}}"
    change = f"{seen.main:{shown}} -> {seen.candidate:{shown}}, change {seen.delta:+{shown}} ({spread})"
    if not all(map(isfinite, (seen.delta, seen.low, seen.high))):
        return f"{change}: not a number, so nothing can be judged; are there rows enough, and of every class?"
    if state == "undecided":
        return f"{change}: {undecided}"
    if sure(seen, metric) == "better":
        return f"{change}: better"
    return f"{change}; it may get worse by {margin:g}" + (", and it got worse by more" if state == "fail" else "")
