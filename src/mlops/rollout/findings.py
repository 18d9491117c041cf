"""What figures mean: each limit a finding, and a finding a sentence. The one place that decides what a breach is."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from mlops.params import Least, Limits
from mlops.psi import psi
from mlops.rollout.measured import Measured
from mlops.rollout.step import SHADOW, share

OK, BREACH, FEW, ABSENT = "ok", "breach", "too few", "not known"
FAILURES = 5  # fewer may be one pod that went away
SLOWEST = 500  # requests of an arm from which on its p99 is more than its five slowest
TAIL = 3000  # below so many chance alone moves a p99 by a fifth now and then: the challenger's p98 must be slow, too
SCORES = 500  # of an arm, to compare two distributions
PAIRS = 200  # of answers to the same request


@dataclass(frozen=True)
class Finding:
    """What one limit says. state: ok, breach, too few (to judge), or not known (by this source)."""

    name: str
    state: str
    sentence: str


def breaches(found: list[Finding]) -> list[Finding]:
    """Return those that are breaches."""
    return [each for each in found if each.state == BREACH]


def enough(measured: Measured, step: str, least: Least, hours: float) -> list[Finding]:
    """Return whether a step has had the requests and the time that params ask for, and the cluster is at that step."""
    requests, all_ = measured.challenger.requests, measured.challenger.requests + measured.champion.requests
    found = [
        Finding("requests", OK if requests >= least.requests else FEW, f"{requests:,} of {least.requests:,} requests"),
        Finding("time", OK if hours >= least.hours else FEW, f"{hours:.1f} of {least.hours:g} hours"),
    ]
    if step != SHADOW:
        followed = _share(requests, all_) >= share(step) / 2  # users are counted by requests here, and some have many
        sentence = f"{_share(requests, all_):.1%} of the requests, of {share(step):.0%} of the users"
        found.append(
            Finding("share", OK if followed else FEW, sentence + ("" if followed else ": has the cluster followed?"))
        )
    return found


def judged(measured: Measured, step: str, limits: Limits) -> list[Finding]:
    """Return the findings about a span of time of a step."""
    return [
        _silent(measured),
        _elsewhere(measured, step, limits),
        _failed(measured, limits),
        _slow(measured, limits),
        *_apart(measured, limits),
        *_paired(measured, limits),
    ]


def _silent(measured: Measured) -> Finding:
    """Requests, and no answer of the challenger's to any of them: that is never too few."""
    requests = measured.challenger.requests
    if measured.answered is None:
        return Finding("answers", ABSENT, "answers: this source cannot tell two images of one model apart")
    if measured.due and not measured.answered:
        return Finding("answers", BREACH, f"the challenger answered none of {requests:,} requests")
    return Finding(
        "answers", OK if requests else FEW, f"the challenger answered {measured.answered:,} of {requests:,} requests"
    )


def _elsewhere(measured: Measured, step: str, limits: Limits) -> Finding:
    if measured.answered is None:
        return Finding("failover", ABSENT, "failovers: this source cannot tell two images of one model apart")
    part = _share(measured.elsewhere, measured.challenger.requests)
    what = "of the copies failed" if step == SHADOW else "of its requests were answered by the champion in its place"
    sentence = f"{part:.2%} {what} (limit {limits.failover:.2%})"
    over = part > limits.failover and measured.elsewhere >= FAILURES
    return Finding("failover", BREACH if over else OK, sentence)


def _failed(measured: Measured, limits: Limits) -> Finding:
    arms = measured.champion, measured.challenger
    if any(arm.failed is None for arm in arms):
        return Finding("errors", ABSENT, "errors: this source does not know them")
    before, now = (_share(arm.failed, arm.requests) for arm in arms)
    sentence = f"{now:.2%} of the answers are errors, {before:.2%} of the champion's (limit {limits.errors:.2%} more)"
    over = now - before > limits.errors and measured.challenger.failed >= FAILURES
    return Finding("errors", BREACH if over else OK, sentence)


def _slow(measured: Measured, limits: Limits) -> Finding:
    arms = measured.champion, measured.challenger
    if any(arm.p99 is None for arm in arms):
        return Finding("p99", ABSENT, "p99: nobody has measured it")
    fewest = min(arm.requests for arm in arms)
    before, now = (arm.p99 for arm in arms)
    ratio = now / before if before else math.inf
    sentence = f"p99 {now:.1f} ms, {before:.1f} ms of the champion ({ratio:.2f} times, limit {limits.p99:g} and {limits.p99_ms:g} ms more)"
    if fewest < SLOWEST:
        return Finding("p99", FEW, f"{sentence}: of {fewest:,} requests, and {SLOWEST} are needed")
    over = now > before * limits.p99 and now - before > limits.p99_ms
    if fewest < TAIL:
        over = over and measured.challenger.p98 > before
    return Finding("p99", BREACH if over else OK, sentence)


def _apart(measured: Measured, limits: Limits) -> Iterator[Finding]:
    arms = measured.champion, measured.challenger
    if not all(arm.scores for arm in arms):
        yield Finding("scores", ABSENT, "scores: this source does not know them")
        return
    fewest = min(sum(arm.scores) for arm in arms)
    if fewest < SCORES:
        yield Finding("scores", FEW, f"scores: {fewest:,.0f} of an arm, and {SCORES} are needed")
        return
    value = psi(*(arm.scores for arm in arms))
    sentence = f"population stability index of the scores {value:.3f} (limit {limits.scores:g})"
    yield Finding("scores", BREACH if value > limits.scores else OK, sentence)


def _paired(measured: Measured, limits: Limits) -> Iterator[Finding]:
    if measured.agreement is not None:
        pairs, same = measured.agreement
        state = FEW if pairs < PAIRS else BREACH if same < limits.agreement else OK
        yield Finding("agreement", state, f"{same:.1%} of {pairs:,} decisions agree (limit {limits.agreement:.0%})")
    if measured.worse is not None:
        low, high = measured.worse
        if math.isnan(low) or math.isnan(high):
            yield Finding(
                "labels", FEW, "labels: fewer than 50 answers of an arm have one, or they are of one class alone"
            )
            return
        state = BREACH if low > limits.degradation else OK
        yield Finding(
            "labels", state, f"worse by {low:.4f} to {high:.4f} on labelled requests (limit {limits.degradation:g})"
        )


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
