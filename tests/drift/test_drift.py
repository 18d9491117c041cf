"""What is planted in the sample is found in its month and by its kind, and quiet months are quiet; the verb, on a real copy."""

import json
from datetime import date

import pytest

from champions import TABLE, held, knobs
from copies import ran
from mlops.drift import decision, rows, windows
from mlops.drift.drift import judged
from mlops.drift.finding import CRITICAL, DRIFT

EVER = date(2027, 6, 30)


def seen(*names: str, as_of: date = EVER) -> list[decision.Seen]:
    """What is found of the sample's months, as it is known on a day."""
    said = knobs()
    spans = windows.since(held().last, as_of, "month", said.split.label_delay_days)
    given = rows.source(TABLE, said, {})
    return [judged(given(each, as_of), held()) for each in spans if each.name in names]


def loud(one: decision.Seen) -> set[tuple[str, str]]:
    """The (kind, what) that count, of all rows."""
    return {(each.kind, each.what) for each in one.found if each.state in (DRIFT, CRITICAL) and not each.group}


def test_a_quiet_month_is_quiet():
    """No column, score, group or metric of it counts."""
    (one,) = seen("2025-02")
    assert (2000, 2000) == (one.rows, one.labelled)
    assert [] == [each for each in one.found if each.state in (DRIFT, CRITICAL)]
    assert "quiet" == decision.decide([one], knobs().drift).answer


def test_debts_that_double_are_critical_in_their_first_window_with_rows_enough():
    """Also while the month is still open: its first 500 rows will do."""
    as_of = date(2025, 3, 9)
    (one,) = seen("2025-03", as_of=as_of)
    assert not one.window.closed
    assert 500 <= one.rows < 700
    found = decision.decide([one], knobs().drift)
    assert ("retrain", True) == (found.answer, "debt" in {each.finding.what for each in found.alarms})
    assert all(alarm.critical for alarm in found.alarms)


def test_rows_too_few_say_nothing():
    """Neither an alarm nor its absence."""
    (one,) = seen("2025-03", as_of=date(2025, 3, 5))
    assert one.rows < 500
    assert "too few rows" == decision.decide([one], knobs().drift).answer


@pytest.mark.slow
def test_a_concept_shift_is_found_when_its_labels_have_come_and_the_estimate_does_not_see_it():
    """Two settled windows show it; before their labels nothing does."""
    both = seen("2025-07", "2025-08")
    found = decision.decide(both, knobs().drift)
    assert "retrain" == found.answer
    assert {"performance"} == {each.finding.kind for each in found.alarms}
    assert {("performance", "roc_auc"), ("performance", "calibration")} == loud(both[0]) | loud(both[1])
    assert [] == [each for one in both for each in one.found if each.kind == "estimate" and each.state != "ok"]
    young = seen("2025-07", "2025-08", as_of=date(2025, 9, 2))
    assert set() == loud(young[1])
    assert "quiet" == decision.decide(young[1:], knobs().drift).answer


def test_incomes_in_thousands_are_a_fault_of_the_rows():
    """Nothing is trained on them, however loud the other kinds are."""
    (one,) = seen("2025-11")
    assert ("quality", "income") in loud(one)
    assert ("covariate", "income") in loud(one)
    assert "mend" == decision.decide([one], knobs().drift).answer


@pytest.mark.slow
class TestVerb:
    """On a real copy, whose pipeline has run."""

    @pytest.fixture(scope="class")
    def folder(self, tmp_path_factory):
        """The copy."""
        return ran(tmp_path_factory.mktemp("drift"))

    def test_it_finds_what_is_planted_and_ends_with_1(self, folder):
        """The report has the decision first, the page its plots, the JSON every window."""
        done = folder.mlops("drift", "--as-of", "2025-04-02")
        assert 1 == done.returncode
        assert "- covariate drift, critical (2025-03): debt: " in done.stdout
        said = json.loads((folder.path / "reports/drift.json").read_text())
        assert ("retrain", ["2025-01", "2025-02", "2025-03", "2025-04"]) == (
            said["answer"],
            [each["window"]["name"] for each in said["windows"]],
        )
        text = (folder.path / "reports/drift.md").read_text()
        assert text.startswith("# Drift\n\n**The rows have changed, or what they mean.** Retrain")
        assert 2 == (folder.path / "reports/drift.html").read_text().count("<svg")

    def test_a_second_run_says_the_same(self, folder):
        """Windows that are settled come out of what was written before, and nothing changes by it."""
        first = folder.mlops("drift", "--as-of", "2025-09-02", "--anew").stdout
        again = folder.mlops("drift", "--as-of", "2025-09-02").stdout
        assert first.splitlines()[:-1] == again.splitlines()[:-1]

    def test_quiet_months_end_with_0(self, folder):
        """And say so."""
        done = folder.mlops("drift", "--as-of", "2025-02-28")
        assert (0, True) == (done.returncode, "drift: quiet" in done.stdout)

    def test_a_log_that_cannot_be_read_is_no_quiet_month(self, folder):
        """It ends with 2, by one sentence, and the last report stays."""
        (folder.path / "reports").mkdir(exist_ok=True)
        before = "what was said yesterday"
        (folder.path / "reports/drift.json").write_text(before)
        done = folder.mlops("drift", PREDICTION_LOG_URL="sqlite:////nowhere/log.db")
        assert 2 == done.returncode
        assert "PREDICTION_LOG_URL names /nowhere/log.db, which is not there" in done.stderr
        assert before == (folder.path / "reports/drift.json").read_text()
        (folder.path / "reports/drift.json").unlink()

    def test_a_champion_that_git_does_not_know_is_refused(self, folder):
        """An environment should serve what main has."""
        name = "manifests/overlays/prod/kustomization.yaml"
        text = (folder.path / name).read_text()
        (folder.path / name).write_text(text.replace("0" * 64, "1" * 64).replace("-model: none", f"-model: {'2' * 64}"))
        folder.git("commit", "-qam", "prod serves another model")
        done = folder.mlops("drift")
        folder.git("reset", "-q", "--hard", "HEAD^")
        assert (2, True) == (done.returncode, f"no commit of main has model {'2' * 12}" in done.stderr)

    def test_a_table_without_a_time_has_no_new_rows(self, folder):
        """Drift is off, and says so."""
        folder.edit("data/contract.yaml", "time: applied_at\n", "")
        done = folder.mlops("drift")
        folder.git("checkout", "-q", "data/contract.yaml")
        assert (0, True) == (done.returncode, "drift: not configured" in done.stdout)

    def test_a_day_that_is_none_is_refused(self, folder):
        """With the day as it should be."""
        done = folder.mlops("drift", "--as-of", "yesterday")
        assert (2, True) == (done.returncode, "AS_OF is 'yesterday', which is no day" in done.stderr)


def test_what_is_known_of_a_settled_window_is_not_looked_at_again():
    """But the newest ones, which decide, and those that labels still come to."""
    from mlops.drift.drift import _again

    spans = windows.since(date(2024, 12, 31), date(2025, 12, 15), "month", 30)
    assert {"2025-08", "2025-09", "2025-10", "2025-11", "2025-12"} == _again(spans, 3)
