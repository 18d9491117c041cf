"""Can a classifier tell a window from the reference: only where something has changed, also where no column has by itself."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from mlops.drift import distance, multivariate
from mlops.drift.finding import decided
from mlops.drift.looked import Looked
from mlops.drift.summary import Numbers
from mlops.params import Drift
from tables import one_thread

COLUMNS = [
    {"name": "income", "type": "number", "categories": []},
    {"name": "debt", "type": "number", "categories": []},
    {"name": "area", "type": "category", "categories": ["north", "south"]},
]
KNOBS = Drift()


@pytest.fixture(autouse=True)
def _threads():
    with one_thread():
        yield


def looked(rows: int, seed: int, together: float = 0.7, **columns) -> Looked:
    """Rows whose debt goes with their income as far as `together` says, both normal whatever it is."""
    random = np.random.default_rng(seed)
    income = random.normal(size=rows)
    debt = together * income + (1 - together**2) ** 0.5 * random.normal(size=rows)
    frame = pd.DataFrame({"income": income, "debt": debt, "area": random.choice(["north", "south"], rows)})
    return Looked(rows, {}, frame.assign(**columns))


def found(reference: Looked, current: Looked):
    """The one finding."""
    (each,) = multivariate.check(reference, current, COLUMNS, KNOBS)
    return each


def state(reference: Looked, current: Looked) -> str:
    """What it says."""
    (each,) = decided([found(reference, current)], KNOBS.alpha, KNOBS.critical)
    return each.state


def test_without_drift_the_classifier_guesses():
    """Of 20 windows none is drift, and p is below 0.01 in one at most."""
    drawn = [found(looked(900, seed), looked(500, 1000 + seed)) for seed in range(20)]
    assert sum(each.p < 0.01 for each in drawn) <= 1
    assert 5 <= sum(each.p < 0.5 for each in drawn) <= 16
    assert max(each.effect for each in drawn) < KNOBS.limits.auc - 0.5


def test_a_change_of_what_goes_together_is_found():
    """Each column by itself is as it was."""
    before, after = looked(3_000, 1), looked(1_000, 2, together=-0.7)
    assert "critical" == state(before, after)
    for name in ("income", "debt"):
        one, other = Numbers(), Numbers()
        one.add(before.sample[name])
        other.add(after.sample[name])
        assert all(each.p > 0.01 for each in distance.of_numbers(one, other))


def test_p_is_that_of_the_rank_sum():
    """Of the half that the classifier has not seen, about 300 rows of each."""
    each = found(looked(600, 1), looked(600, 2, together=0.4))
    assert 0.01 < each.effect < 0.2
    assert pytest.approx(stats.norm.sf(each.effect / (601 / (12 * 300 * 300)) ** 0.5), rel=0.05) == each.p


def test_a_category_that_shifts_is_found():
    """As its code, or where it is missing."""
    assert "ok" != state(looked(1_500, 1), looked(1_000, 2, area="south"))
    assert "ok" != state(looked(1_500, 1), looked(1_000, 2, area=None))


@pytest.mark.parametrize("rows", [(499, 1_000), (1_000, 499), (1_000, 0)])
def test_too_few_rows_on_either_side_are_not_judged(rows):
    """It says how many there are and how many are needed."""
    each = found(looked(rows[0], 1), looked(rows[1], 2))
    assert ("too few", None, None) == (each.state, each.effect, each.p)
    assert f"all inputs: {min(rows)} rows, and 500 are needed" == each.sentence


def test_as_many_rows_as_are_needed_are_judged():
    """500 on both sides."""
    assert "ok" == state(looked(500, 1), looked(500, 2))


def test_a_column_without_a_number_says_nothing():
    """On both sides it is the same; on one side it is told."""
    none = np.full(600, np.nan)
    assert "ok" == state(looked(600, 1, debt=none), looked(600, 2, debt=none))
    assert "critical" == state(looked(600, 1), looked(600, 2, debt=none))


def test_of_many_rows_as_many_are_drawn_from_the_old_ones_as_from_the_new():
    """Rows come month by month: were the oldest taken, a reference that changes within would be apart from itself."""
    months = np.repeat([0.0, 3.0], multivariate.ROWS)
    reference = looked(2 * multivariate.ROWS, 1)
    reference.sample["income"] += months
    current = looked(2_000, 2)
    current.sample["income"] += np.repeat([0.0, 3.0], 1_000)
    for each in (reference, current):
        each.sample["debt"] = each.sample["income"]
    assert "ok" == state(reference, current)


def test_the_same_rows_give_the_same_finding():
    """Nothing in it is drawn anew."""
    before, after = looked(700, 1), looked(600, 2)
    assert found(before, after) == found(before, after)
