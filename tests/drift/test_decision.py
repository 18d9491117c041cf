"""From windows to one decision: which findings alarm, after how many windows, and what is done."""

from datetime import datetime, timedelta

import pytest

from mlops.drift import decision
from mlops.drift.decision import Decision, Seen
from mlops.drift.finding import Finding
from mlops.drift.windows import Window
from mlops.params import Drift

KNOBS = Drift(needed=2, of=3)


def finding(state: str, what: str = "age", kind: str = "covariate", group: str = "", statistic: str = "psi") -> Finding:
    """A finding; where nothing was tested it has no p."""
    tested = None if state in ("too few", "not known") else 0.0
    return Finding(kind, what, group, statistic, 0.7, 0.2, tested, state)


def seen(*windows, closed: int | None = None, settled: int | None = None) -> list[Seen]:
    """Windows one, two and so on, each with its findings: so many of them closed, and settled; all of them where nothing is said."""
    closed = len(windows) if closed is None else closed
    settled = closed if settled is None else settled
    start, found = datetime(2025, 1, 1), []
    for number, each in enumerate(windows):
        begin, end = (start + timedelta(days=number + step) for step in (0, 1))
        window = Window(f"w{number + 1}", begin, end, number < closed, number < settled)
        found.append(Seen(window, 1000, 1000, tuple([each] if isinstance(each, Finding) else each)))
    return found


def decided(*windows, knobs: Drift = KNOBS, **which) -> Decision:
    """What is done about windows."""
    return decision.decide(seen(*windows, **which), knobs)


def shown(found: Decision) -> list[tuple]:
    """Each alarm: what alarms, in which windows, and whether one was enough."""
    return [(alarm.finding.what, " ".join(alarm.windows), alarm.critical) for alarm in found.alarms]


OK, DRIFT, CRITICAL = (finding(state) for state in ("ok", "drift", "critical"))
FEW = finding("too few")


def test_nothing_found_is_quiet():
    """In every window, or in none of the newest."""
    assert Decision("quiet", ()) == decided(OK, OK, OK)
    assert Decision("quiet", ()) == decided(DRIFT, DRIFT, OK, OK)


@pytest.mark.parametrize("which", [{}, {"closed": 2}])
def test_a_critical_finding_alarms_at_its_first_window(which):
    """In the newest closed window, and in the open one too."""
    found = decided(OK, OK, CRITICAL, **which)
    assert ("retrain", [("age", "w3", True)]) == (found.answer, shown(found))


def test_a_critical_finding_of_the_last_closed_window_alarms_while_the_next_is_open():
    """The open one is as yet quiet."""
    assert [("age", "w2", True)] == shown(decided(OK, CRITICAL, OK, closed=2))


def test_a_critical_finding_that_is_over_alarms_no_more():
    """It was in the window before, once."""
    assert "quiet" == decided(OK, CRITICAL, OK).answer


@pytest.mark.parametrize(
    ("windows", "expected"),
    [
        ((OK, DRIFT, DRIFT), "w2 w3"),
        ((DRIFT, OK, DRIFT), "w1 w3"),
        ((DRIFT, DRIFT, OK), "w1 w2"),
        ((DRIFT, DRIFT, DRIFT), "w1 w2 w3"),
        ((DRIFT, FEW, DRIFT), "w1 w3"),
        ((CRITICAL, OK, DRIFT), "w1 w3"),
    ],
)
def test_drift_alarms_in_two_of_three_windows(windows, expected):
    """Whichever two; a critical one counts as one of them."""
    found = decided(*windows)
    assert ("retrain", [("age", expected, False)]) == (found.answer, shown(found))


@pytest.mark.parametrize(
    "windows",
    [(OK, OK, DRIFT), (DRIFT, OK, OK, DRIFT), (DRIFT,), (OK, DRIFT, FEW)],
    ids=["once", "further apart", "the first window", "once, then too few"],
)
def test_drift_does_not_alarm_in_one_of_three_windows(windows):
    """The newest three; an older one does not count."""
    assert [] == shown(decided(*windows))


def test_an_open_window_is_none_of_them():
    """Its rows are not all there: it counts when it is closed."""
    assert [] == shown(decided(OK, DRIFT, DRIFT, closed=2))
    assert [("age", "w2 w3", False)] == shown(decided(OK, DRIFT, DRIFT))


def test_two_statistics_in_one_window_are_one_window():
    """They look at the same rows; in another window either of them counts."""
    both = [finding("drift"), finding("drift", statistic="ks")]
    assert [] == shown(decided(OK, OK, both))
    assert [("age", "w1 w3", False)] == shown(decided(finding("drift", statistic="wasserstein"), OK, both))


@pytest.mark.parametrize("other", [{"what": "income"}, {"group": "gender=female"}, {"kind": "prediction"}])
def test_another_column_group_or_kind_does_not_add_up(other):
    """Each has its own count."""
    assert [] == shown(decided(OK, DRIFT, finding("drift", **other)))


def test_one_window_of_one_is_enough_where_params_say_so():
    """And the newest alone."""
    assert [("age", "w2", False)] == shown(decided(OK, DRIFT, knobs=Drift(needed=1, of=1)))
    assert [] == shown(decided(DRIFT, OK, knobs=Drift(needed=1, of=1)))


def test_the_newest_finding_is_the_one_that_is_told():
    """Of two windows."""
    (alarm,) = decided(finding("drift", statistic="ks"), DRIFT).alarms
    assert "psi" == alarm.finding.statistic


def test_what_is_critical_and_comes_again_is_one_alarm():
    """The critical one."""
    assert [("age", "w3", True)] == shown(decided(OK, DRIFT, CRITICAL))


def test_performance_counts_the_windows_whose_labels_are_there():
    """The newest three of those, however many have closed since."""
    worse = finding("drift", "roc_auc", "performance")
    quiet = finding("ok", "roc_auc", "performance")
    assert [("roc_auc", "w1 w3", False)] == shown(decided(worse, quiet, worse, (), (), (), settled=3))
    assert [] == shown(decided(quiet, worse, worse, settled=2))


def test_critical_performance_alarms_at_the_newest_window_with_labels():
    """Not at one whose labels are not all there."""
    worst = finding("critical", "roc_auc", "performance")
    assert [("roc_auc", "w1", True)] == shown(decided(worst, OK, OK, settled=1))
    assert [] == shown(decided(OK, worst, settled=1))


def test_columns_do_not_wait_for_labels():
    """Nor do windows without labels hide a column's drift of now."""
    assert [("age", "w2 w3", False)] == shown(decided(OK, DRIFT, DRIFT, settled=0))
    assert [] == shown(decided(DRIFT, DRIFT, OK, OK, settled=2))


@pytest.mark.parametrize("kind", ["quality", "skew"])
def test_faulty_rows_are_mended_and_not_learned_from(kind):
    """Also where columns have drifted, which may be the fault's doing."""
    found = decided([CRITICAL, finding("critical", "income", kind)])
    assert "mend" == found.answer
    assert {("age", "w1", True), ("income", "w1", True)} == set(shown(found))


@pytest.mark.parametrize("kind", ["quality", "skew"])
def test_faults_that_are_over_and_came_twice_are_still_to_be_mended(kind):
    """What is trained on would hold them."""
    fault, worse = finding("critical", "income", kind), finding("drift", "roc_auc", "performance")
    assert "mend" == decided([fault, worse], [fault, worse], [OK, worse]).answer


def test_what_a_rule_only_warns_of_stops_no_retrain():
    """It is told, beside what else has drifted; alone it is to be mended."""
    warned, worse = finding("drift", "income", "quality"), finding("drift", "roc_auc", "performance")
    found = decided([warned, worse], [warned, worse], [warned, worse])
    assert ("retrain", {"income", "roc_auc"}) == (found.answer, {each.finding.what for each in found.alarms})
    assert "mend" == decided(warned, warned, warned).answer


@pytest.mark.parametrize("windows", [(), (FEW,), ([FEW, finding("not known", kind="estimate")],), (OK, FEW), ((),)])
def test_few_rows_are_not_quiet(windows):
    """Nor is no window at all, nor one without a row."""
    assert Decision("too few rows", ()) == decided(*windows)


def test_rules_that_hold_of_few_rows_do_not_make_them_enough():
    """A rule needs no row to hold."""
    rule = Finding("quality", "contract", "", "rules broken", 0.0, 0.0, None, "ok", "12 rules hold")
    assert "too few rows" == decided([rule, FEW]).answer
    assert "quiet" == decided([rule, OK, finding("too few", "income")]).answer


def test_an_open_window_with_few_rows_leaves_the_closed_one_quiet():
    """It has only begun."""
    assert "quiet" == decided(OK, FEW, closed=1).answer


def test_few_rows_alarm_where_a_rule_is_broken():
    """A fault is one in any number of rows."""
    assert "mend" == decided([FEW, Finding("quality", "age", "", "be_between", 0.1, 0.0, None, "critical")]).answer


def test_alarms_come_in_the_order_of_their_weight():
    """Critical ones first; then by kind, all rows before a group of them, and by name."""
    drifts = [
        finding("drift", "roc_auc", "performance"),
        finding("drift", "age", group="gender=female"),
        finding("drift", "income"),
        finding("drift", "age"),
        finding("drift", "term", "quality"),
    ]
    found = decided(drifts, [*drifts, finding("critical", "_score", "prediction")])
    expected = [("_score", ""), ("term", ""), ("age", ""), ("income", ""), ("age", "gender=female"), ("roc_auc", "")]
    assert expected == [(alarm.finding.what, alarm.finding.group) for alarm in found.alarms]


@pytest.mark.parametrize(
    ("windows", "expected"),
    [
        ((CRITICAL,), "covariate drift, critical (w1): age: psi 0.7 (limit 0.2, p 0)"),
        ((DRIFT, DRIFT), "covariate drift, in 2 windows (w1, w2): age: psi 0.7 (limit 0.2, p 0)"),
    ],
)
def test_an_alarm_is_a_sentence(windows, expected):
    """What it is, how sure, in which windows, and the newest finding."""
    (alarm,) = decided(*windows).alarms
    assert expected == alarm.sentence
