"""Which months a challenger is trained on: the newest with labels, as many as before, none of them or before them at fault."""

from datetime import date

import pandas as pd
import pytest

from mlops.drift import windows
from mlops.drift.decision import Seen
from mlops.drift.finding import Finding
from mlops.errors import CannotRun
from mlops.params import Window
from mlops.retrain import months

BEFORE = Window(start="2023-07", end="2024-12")
LAST = date(2024, 12, 31)


def seen(found: dict[str, Finding], every: str = "month", as_of: date = date(2025, 12, 31)) -> list[Seen]:
    """Every window since the champion's, those that are named with a finding."""
    spans = windows.since(LAST, as_of, every, 30)
    assert found.keys() <= {each.name for each in spans}
    return [Seen(each, 1000, 1000, tuple(found[name] for name in [each.name] if name in found)) for each in spans]


def finding(kind: str, state: str = "critical") -> Finding:
    """A finding of a kind, critical where nothing else is said."""
    return Finding(kind, "income", "", "failed", 0.7, 0.01, None, state)


class TestMoved:
    """The window of a retrain."""

    def test_it_is_as_long_and_ends_with_the_newest_month_that_has_labels(self):
        """Eighteen months stay eighteen."""
        found = months.moved(BEFORE, seen({}), date(2025, 9, 15), 30)
        assert Window(start="2024-02", end="2025-07") == found

    def test_one_month_stays_one(self):
        """Both ends are inside."""
        found = months.moved(Window(start="2024-12", end="2024-12"), [], date(2025, 9, 15), 30)
        assert Window(start="2025-07", end="2025-07") == found

    @pytest.mark.parametrize("kind", ["quality", "skew"])
    def test_it_begins_after_the_last_month_at_fault(self, kind):
        """So it is shorter than before."""
        broken = seen({"2025-02": finding(kind), "2025-04": finding(kind)})
        assert Window(start="2025-05", end="2025-07") == months.moved(BEFORE, broken, date(2025, 9, 15), 30)

    @pytest.mark.parametrize("kind", ["covariate", "multivariate", "prediction", "estimate", "performance"])
    def test_a_change_of_the_world_is_no_fault(self, kind):
        """It is what a retrain is for, critical or not."""
        changed = seen({"2025-04": finding(kind)})
        assert Window(start="2024-02", end="2025-07") == months.moved(BEFORE, changed, date(2025, 9, 15), 30)

    @pytest.mark.parametrize("state", ["ok", "drift", "too few", "not known"])
    def test_a_fault_that_is_not_critical_cuts_nothing_off(self, state):
        """Its rows stay in."""
        mild = seen({"2025-04": finding("quality", state)})
        assert Window(start="2024-02", end="2025-07") == months.moved(BEFORE, mild, date(2025, 9, 15), 30)

    def test_a_fault_after_the_newest_month_with_labels_cuts_nothing_off(self):
        """No row of it is trained on."""
        late = seen({"2025-09": finding("quality")})
        assert Window(start="2024-02", end="2025-07") == months.moved(BEFORE, late, date(2025, 9, 15), 30)

    def test_a_fault_longer_ago_than_the_window_cuts_nothing_off(self):
        """The window begins later anyway."""
        short = Window(start="2024-10", end="2024-12")
        old = seen({"2025-02": finding("quality")})
        assert Window(start="2025-05", end="2025-07") == months.moved(short, old, date(2025, 9, 15), 30)

    def test_it_is_refused_where_no_later_month_has_labels(self):
        """With the month to wait for."""
        with pytest.raises(CannotRun) as refused:
            months.moved(BEFORE, [], date(2025, 3, 1), 30)
        assert (
            "`data.window` ends with 2024-12, and no later month has labels on 2025-03-01: wait for 2025-01"
            == str(refused.value)
        )  # fmt: skip

    def test_it_is_refused_where_the_newest_month_is_at_fault(self):
        """Nothing is left to train on."""
        with pytest.raises(CannotRun) as refused:
            months.moved(BEFORE, seen({"2025-07": finding("quality")}), date(2025, 9, 15), 30)
        assert (
            "the rows of 2025-07 are at fault, so nothing is trained on them: mend what delivers them (`make drift`)"
            == str(refused.value)
        )  # fmt: skip

    def test_it_is_refused_where_a_week_at_fault_reaches_out_of_the_newest_month(self):
        """Nobody knows which of its days are at fault."""
        broken = seen({"2025-07-28": finding("quality")}, every="week")
        with pytest.raises(CannotRun, match="the rows of 2025-07 are at fault"):
            months.moved(BEFORE, broken, date(2025, 9, 15), 30)


class TestSettled:
    """The newest month whose labels have come."""

    @pytest.mark.parametrize(
        ("as_of", "delay", "expected"),
        [
            (date(2025, 3, 1), 30, "2024-12"),
            (date(2025, 3, 2), 30, "2025-01"),
            (date(2025, 3, 31), 30, "2025-02"),
            (date(2025, 3, 31), 31, "2025-02"),
            (date(2025, 3, 31), 32, "2025-01"),
            (date(2025, 3, 31), 0, "2025-03"),
            (date(2025, 3, 30), 0, "2025-02"),
            (date(2025, 4, 1), 0, "2025-03"),
            (date(2025, 4, 1), 1, "2025-03"),
            (date(2025, 4, 1), 2, "2025-02"),
            (date(2024, 2, 29), 0, "2024-02"),
            (date(2025, 1, 1), 1, "2024-12"),
        ],
    )
    def test_a_day_counts_to_its_end(self, as_of, delay, expected):
        """A month's labels are there so many days after its last day, that day included."""
        assert pd.Period(expected) == months.settled(as_of, delay)

    @pytest.mark.parametrize("delay", [0, 1, 30, 60])
    def test_it_is_the_month_that_drift_calls_settled(self, delay):
        """On each day of a year, the leap day too."""
        for as_of in pd.date_range("2025-06-01", "2026-05-31").date:
            named = [each.name for each in windows.since(LAST, as_of, "month", delay) if each.settled]
            assert named[-1] == str(months.settled(as_of, delay))


class TestFaulty:
    """The months whose rows are at fault."""

    def test_a_month_is_one(self):
        """Others are not named."""
        broken = seen({"2025-04": finding("quality"), "2025-06": finding("covariate")})
        assert [pd.Period("2025-04")] == months.faulty(broken)

    @pytest.mark.parametrize(
        ("week", "expected"),
        [("2025-04-28", ["2025-04", "2025-05"]), ("2025-04-21", ["2025-04"]), ("2025-05-26", ["2025-05", "2025-06"])],
    )
    def test_a_week_is_of_each_month_that_it_has_a_day_in(self, week, expected):
        """A week that ends with a Sunday the 1st is of two."""
        found = months.faulty(seen({week: finding("skew")}, every="week"))
        assert [pd.Period(each) for each in expected] == sorted(found)

    def test_a_day_is_of_its_month(self):
        """Also the last one."""
        assert [pd.Period("2025-04")] == months.faulty(seen({"2025-04-30": finding("quality")}, every="day"))

    def test_nothing_is_at_fault_where_nothing_was_found(self):
        """Nor where nothing was looked at."""
        assert [[], []] == [months.faulty(seen({})), months.faulty([])]
