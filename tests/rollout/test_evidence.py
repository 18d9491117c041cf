"""What is known of an open step, from the source that is named."""

from datetime import UTC, datetime, timedelta

import pytest

from mlops import params
from mlops.cli import main as mlops
from mlops.errors import CannotRun
from mlops.rollout import evidence
from rollout.test_prediction_log import canary, plenty, record
from rollout_cases import FIRST, SECOND, STABLE, at, when

OLD, NEW = FIRST.model, SECOND.model


def opened(remote, name: str = "canary-25", hours: float = 13.0) -> str:
    """Open a step so many hours ago, and return the commit."""
    return when(remote, at(name), (datetime.now(UTC) - timedelta(hours=hours)).isoformat())


def looked(commit: str, **more):
    """What is known with the sample's params."""
    return evidence.looked("prod", commit, params.read().delivery, **more)


def test_a_step_that_had_enough_and_broke_nothing_has_no_fault(remote, log):
    """Its figures fit in one line, which an overlay keeps."""
    log(plenty())
    case = looked(opened(remote))
    assert ([], []) == (case.breaches, case.missing)
    assert (
        "5,100 of 5,000 requests; 13.0 of 12 hours; 25.0% of the requests, of 25% of the users; the challenger answered 5,100 of 5,100"
        in case.sentence()
    )
    assert "\n" not in case.sentence()


def test_a_step_that_had_too_little_says_of_what(remote, log):
    """Requests, time."""
    log(canary())
    case = looked(opened(remote, hours=2))
    assert ["100 of 5,000 requests", "2.0 of 12 hours"] == [each.sentence for each in case.missing]


def test_a_step_beyond_a_limit_is_told_with_its_figures(remote, log):
    """Also as a table."""
    log([record("c", OLD, "champion"), *(record(f"n{n}", OLD, "challenger") for n in range(40))])
    case = looked(opened(remote))
    assert "the challenger answered none of 40 requests" == case.breaches[0].sentence
    assert "| answers | the challenger answered none of 40 requests | BREACH |" in case.table()


def test_before_the_cluster_has_followed_nothing_is_known(remote, log):
    """It is too little, and no breach: the router may have been there before the challenger's pods."""
    log([record(f"n{n}", OLD, "challenger") for n in range(40)])
    case = looked(opened(remote, hours=0.05))
    assert ([], ["time"]) == (case.breaches, [each.name for each in case.missing])


def test_without_a_source_nothing_is_known(remote):
    """Which is not the same as quiet."""
    assert looked(opened(remote)) is None


def test_a_source_that_gives_no_answer_is_refused(remote, monkeypatch):
    """Named, and unreachable."""
    monkeypatch.setenv("PROMETHEUS_URL", "http://127.0.0.1:1")
    with pytest.raises(CannotRun, match="gives no answer"):
        looked(opened(remote))


def test_without_an_open_step_there_is_nothing_to_look_at(remote):
    """It says so."""
    with pytest.raises(CannotRun, match="no step open"):
        looked(when(remote, STABLE, "2026-03-01T12:00:00+00:00"))


def test_the_verb_says_by_its_exit_code_whether_the_step_carries(remote, log, capsys):
    """0, 1 beyond a limit or too little, 2 nothing known."""
    opened(remote)
    assert 2 == mlops(["evidence", "--env", "prod"])
    log(canary())
    assert 1 == mlops(["evidence", "--env", "prod"])
    log(plenty())
    assert 0 == mlops(["evidence", "--env", "prod"])
    assert "| requests | 5,100 of 5,000 requests | ok |" in capsys.readouterr().out


def test_labels_need_the_log_whose_rows_they_belong_to(remote, monkeypatch, tmp_path):
    """Counters have no request ids."""
    monkeypatch.setenv("PROMETHEUS_URL", "http://127.0.0.1:1")
    (tmp_path / "labels.csv").write_text("request_id,label\nc1,1\n")
    with pytest.raises(CannotRun):
        looked(opened(remote), labelled=str(tmp_path / "labels.csv"))
