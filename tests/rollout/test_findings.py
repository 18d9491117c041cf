"""Each limit is kept at its edge and broken beyond it, and too few figures are neither."""

import numpy as np
import pytest

from mlops.params import Least, Limits
from mlops.rollout import findings
from mlops.rollout.measured import Arm, Measured

LIMITS = Limits()


def measured(elsewhere: int = 0, champion=None, **challenger) -> Measured:
    """A quiet hour, but for what is said."""
    scores = (100.0,) * 10
    base = {"requests": 10_000, "failed": 0, "p98": 9.0, "p99": 10.0, "scores": scores}
    more = {name: challenger.pop(name) for name in ("agreement", "worse") if name in challenger}
    arms = Arm(**base | (champion or {})), Arm(**base | challenger)
    counts = {"answered": max(0, arms[1].requests - elsewhere), "due": arms[1].requests} | more
    return Measured(3600, *arms, elsewhere, **counts)


def state(found: Measured, name: str, step: str = "canary-05") -> str:
    """What a limit says."""
    return next(each.state for each in findings.judged(found, step, LIMITS) if each.name == name)


def test_a_quiet_hour_is_no_breach():
    """Every limit is kept."""
    assert [] == findings.breaches(findings.judged(measured(), "canary-05", LIMITS))


@pytest.mark.parametrize(
    ("name", "kept", "broken"),
    [
        ("failover", {"elsewhere": 100}, {"elsewhere": 101}),
        ("errors", {"failed": 100}, {"failed": 101}),
        ("p99", {"p99": 12.0}, {"p99": 12.1}),
        ("agreement", {"agreement": (200, 0.9)}, {"agreement": (200, 0.89)}),
        ("labels", {"worse": (0.02, 0.05)}, {"worse": (0.021, 0.05)}),
    ],
)
def test_a_limit_is_kept_at_its_edge_and_broken_beyond_it(name, kept, broken):
    """One request, one tenth of a millisecond."""
    assert ("ok", "breach") == (state(measured(**kept), name), state(measured(**broken), name))


def test_a_challenger_that_answers_nothing_is_a_breach_however_few_ask_it():
    """One request is enough; without any nothing is known."""
    assert "breach" == state(measured(elsewhere=1, requests=1), "answers")
    assert "too few" == state(measured(requests=0), "answers")
    assert "ok" == state(measured(elsewhere=1, requests=2), "answers")


def test_requests_whose_answers_may_still_be_counted_are_not_silence():
    """Router and service are not scraped at the same moment."""
    found = Measured(300, Arm(100), Arm(1), elsewhere=0, answered=0, due=0)
    assert "ok" == state(found, "answers")


def test_a_source_that_cannot_tell_says_so():
    """And calls nobody dead."""
    found = Measured(300, Arm(100), Arm(100), answered=None)
    assert ["not known", "not known"] == [state(found, name) for name in ("answers", "failover")]


def test_labels_without_an_interval_are_no_pass():
    """Too few, or of one class alone."""
    assert "too few" == state(measured(worse=(float("nan"), float("nan"))), "labels")


def test_chance_alone_rolls_nothing_back():
    """Five minutes of the same heavy tail in both arms, 400 times: fewer than one in a hundred is called slow."""
    random = np.random.default_rng(3)
    found = []
    for _ in range(400):
        arms = [np.sort(2 + random.lognormal(1, 1.2, n)) for n in (9500, 500)]
        said = [Arm(len(each), 0, *(float(np.quantile(each, share)) for share in (0.98, 0.99))) for each in arms]
        found.append(state(Measured(300, *said, answered=500, due=500), "p99"))
    assert found.count("breach") <= 4


def test_a_few_failures_are_not_yet_a_share():
    """Four of ten may be one pod that went away; five are counted."""
    assert ("ok", "breach") == tuple(state(measured(elsewhere=n, requests=10), "failover") for n in (4, 5))
    assert ("ok", "breach") == tuple(state(measured(failed=n, requests=10), "errors") for n in (4, 5))


def test_errors_that_the_champion_makes_too_are_not_the_challengers():
    """Only what is beyond them counts."""
    both = {"failed": 500, "champion": {"failed": 500}}
    assert "ok" == state(measured(**both), "errors")


def test_a_tail_of_a_millisecond_is_not_slow():
    """Twice the champion's, and two milliseconds more, is nothing that anybody feels."""
    assert "ok" == state(measured(p99=2.0, champion={"p99": 1.0}), "p99")
    assert "breach" == state(measured(p99=4.0, champion={"p99": 1.0}), "p99")


def test_a_p99_of_few_requests_is_none():
    """It would be the five slowest; of some thousands its neighbour is asked, too."""
    assert ("too few", "breach") == tuple(state(measured(requests=n, p98=40.0, p99=50.0), "p99") for n in (499, 500))
    assert ("ok", "breach") == tuple(state(measured(requests=n, p98=9.0, p99=50.0), "p99") for n in (2999, 3000))


def test_what_a_source_does_not_know_is_said():
    """And is no pass."""
    found = measured(failed=None, p99=None, scores=())
    assert ["not known"] * 3 == [state(found, name) for name in ("errors", "p99", "scores")]


def test_scores_that_moved_are_a_breach():
    """Of two distributions that are alike, chance is taken off."""
    moved = tuple(float(n) for n in (10, 10, 20, 30, 50, 100, 150, 200, 200, 230))
    assert ("ok", "breach") == tuple(state(measured(scores=each), "scores") for each in ((100.0,) * 10, moved))
    assert "too few" == state(measured(scores=(10.0,) * 10), "scores")


def test_a_step_needs_its_requests_and_its_time():
    """Both."""
    least = Least(requests=10_000, hours=4)
    assert ["ok", "ok"] == [each.state for each in findings.enough(measured(), "shadow", least, 4.0)]
    assert ["too few", "ok"] == [each.state for each in findings.enough(measured(requests=9_999), "shadow", least, 4.0)]
    assert ["ok", "too few"] == [each.state for each in findings.enough(measured(), "shadow", least, 3.9)]


def test_a_cluster_that_has_not_followed_shows_in_the_share():
    """It still is at the step before: its requests are no evidence of this one."""
    least = Least(requests=1, hours=0)
    arms = {"champion": {"requests": 9500}, "requests": 500}
    found = {name: findings.enough(measured(**arms), name, least, 1)[2].state for name in ("canary-05", "canary-25")}
    assert {"canary-05": "ok", "canary-25": "too few"} == found
