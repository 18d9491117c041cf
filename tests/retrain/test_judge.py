"""When a challenger is better: surely and by enough on the newest rows, no group surely worse, and nothing forgotten."""

from dataclasses import replace
from math import nan
from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest

from champions import TABLE, knobs, reference
from mlops import split
from mlops.bootstrap import Difference
from mlops.pipeline import ingest
from mlops.retrain import judge
from mlops.retrain.judge import Look


def difference(delta: float, half: float = 0.004) -> Difference:
    """A difference with the half of its interval."""
    return Difference(0.7, 0.7 + delta, delta, delta - half, delta + half, half / 2, 2000)


def looks(newest=0.03, holdout: float | None = 0.0, **groups: float) -> dict[str, Look]:
    """Three looks, those of the newest rows with groups."""
    first = newest if isinstance(newest, Difference) else difference(newest)
    kept = None if holdout is None else difference(holdout)
    found = {name: difference(delta) for name, delta in groups.items()}
    return {"newest": Look(1000, first, found), "common": Look(4000, first, {}), "holdout": Look(1800, kept, {})}


def asked(found: dict[str, Look], concept: bool = False, primary: str = "roc_auc") -> judge.Judgement:
    """What is judged of looks, with 0.005 to gain."""
    return judge.judged(found, with_primary(primary), concept)


def with_primary(name: str):
    """The sample's knobs with another primary metric."""
    said = knobs()
    return said.model_copy(update={"gates": said.gates.model_copy(update={"primary": name})})


class TestJudged:
    """Whether a challenger is proposed, and what speaks against it."""

    def test_a_challenger_that_is_surely_better_by_enough_is_proposed(self):
        """Nothing speaks against it."""
        found = looks()
        assert judge.Judgement(True, (), (), found) == asked(found)

    @pytest.mark.parametrize("delta", [0.005, 0.0051, 0.2])
    def test_the_least_gain_is_enough(self, delta):
        """Not only more than that."""
        assert asked(looks(delta)).better

    @pytest.mark.parametrize("delta", [0.00499, 0.0, -0.03])
    def test_less_than_the_least_gain_is_not(self, delta):
        """However sure it is."""
        found = asked(looks(difference(delta, half=0.0001)))
        low, high = delta - 0.0001, delta + 0.0001
        sentence = (
            f"on the newest rows it is {delta:+.4f} (95 % interval {low:+.4f} to {high:+.4f}): "
            "less than 0.005 better (retrain.min_gain), or not surely"
        )
        assert (False, (sentence,)) == (found.better, found.why)

    def test_a_gain_that_may_be_chance_is_not_enough(self):
        """An interval that begins with 0 or below is unsure."""
        assert [False, False, True] == [
            asked(looks(difference(0.03, half=half))).better for half in (0.04, 0.03, 0.0299)
        ]

    def test_what_is_no_number_is_no_gain(self):
        """Of a metric as of its interval."""
        lost = replace(difference(0.03), low=nan, high=nan)
        assert [False, False] == [asked(looks(each)).better for each in (lost, replace(lost, delta=nan))]

    def test_too_few_rows_with_labels_are_told(self):
        """With the number that is needed."""
        found = asked(looks() | {"newest": Look(499, None, {})})
        assert (False, ("only 499 new rows have labels, and 500 are needed (drift.min_rows)",)) == (
            found.better,
            found.why,
        )

    def test_a_group_that_is_surely_worse_speaks_against_it(self):
        """By its name, also where all rows together are better."""
        found = asked(looks(0.03, **{"gender=male": -0.01, "age=60": 0.02}))
        assert (False, ("gender=male is surely worse: -0.0100 (95 % interval -0.0140 to -0.0060)",)) == (
            found.better,
            found.why,
        )

    def test_a_group_that_may_be_worse_does_not(self):
        """Its interval has 0 in it."""
        assert asked(looks(0.03, **{"gender=male": -0.003})).better

    def test_a_holdout_that_is_lost_speaks_against_it(self):
        """The world of then still counts."""
        found = asked(looks(0.03, holdout=-0.02))
        sentence = (
            "on the holdout rows of the champion's months it is -0.0200 (95 % interval -0.0240 to -0.0160): "
            "something was forgotten"
        )
        assert (False, (sentence,), ()) == (found.better, found.why, found.notes)

    def test_a_holdout_that_is_lost_is_a_note_where_performance_itself_has_drifted(self):
        """Old labels are of what is no more."""
        found = asked(looks(0.03, holdout=-0.02), concept=True)
        assert (True, (), 1) == (found.better, found.why, len(found.notes))
        assert found.notes[0].endswith(
            "something was forgotten, which is noted alone, since what causes the target has changed"
        )

    @pytest.mark.parametrize("holdout", [-0.003, 0.02])
    def test_a_holdout_that_is_kept_is_not_told(self, holdout):
        """There is nothing to say."""
        found = asked(looks(0.03, holdout=holdout))
        assert (True, ()) == (found.better, found.notes)

    def test_a_holdout_with_too_few_rows_is_a_note(self):
        """Whether something was forgotten is not known then."""
        found = asked(looks(0.03, holdout=None))
        assert (True, 1) == (found.better, len(found.notes))
        assert found.notes[0].startswith("whether something was forgotten is not known: the champion's months have ")

    def test_what_is_no_number_speaks_against_it(self):
        """Of a group as of the holdout."""
        lost = replace(difference(0.02), low=nan, high=nan)
        plain = looks(0.03)
        group = plain | {"newest": replace(plain["newest"], groups={"gender=male": lost})}
        kept = plain | {"holdout": replace(plain["newest"], primary=lost)}
        assert [(False, "gender=male cannot be judged"), (False, "on the holdout rows of the c")] == [
            (found.better, found.why[0][:28]) for found in (asked(group), asked(kept))
        ]

    def test_everything_that_speaks_against_it_is_told(self):
        """In the order of the looks."""
        found = asked(looks(-0.03, holdout=-0.02, **{"gender=male": -0.01}))
        assert ["on the newest", "gender=male i", "on the holdou"] == [each[:13] for each in found.why]


class TestLook:
    """Both models on the same rows, with the sample's champion and one of the months since the last pulse."""

    @pytest.fixture(scope="class")
    def rows(self) -> pd.DataFrame:
        """A month that neither was trained on."""
        return ingest.given(knobs().data, TABLE, "2026-10", "2026-10")

    @pytest.fixture(scope="class")
    def seen(self, rows, trained) -> Look:
        """What is seen of it."""
        return judge.look(rows, reference().model, trained.model, TABLE, knobs())

    def test_a_model_is_not_better_than_itself(self, rows):
        """Its difference is 0, of all rows and of each group."""
        model = reference().model
        found = judge.look(rows, model, model, TABLE, knobs())
        each = found.primary
        assert (2000, 0.0, 0.0, 0.0) == (found.rows, each.delta, each.low, each.high)
        assert {(0.0, 0.0, 0.0)} == {(one.delta, one.low, one.high) for one in found.groups.values()}
        judged = judge.judged(dict.fromkeys(("newest", "common", "holdout"), found), knobs(), concept=False)
        assert (False, 1) == (judged.better, len(judged.why))

    def test_a_challenger_of_today_is_surely_better_on_today(self, seen):
        """By more than the least gain."""
        assert seen.primary.delta > 0.005
        assert seen.primary.low > 0
        assert seen.primary.delta == seen.primary.candidate - seen.primary.main

    def test_the_other_way_round_it_is_surely_worse(self, rows, seen, trained):
        """The same numbers, turned."""
        found = judge.look(rows, trained.model, reference().model, TABLE, knobs())
        assert (-seen.primary.delta, seen.primary.main) == (found.primary.delta, found.primary.candidate)
        assert found.primary.high < 0

    @pytest.mark.parametrize("name", ["log_loss", "brier"])
    def test_less_is_better_where_the_metric_says_so(self, rows, trained, name):
        """The difference is turned, the values are not."""
        said = with_primary(name)
        found = judge.look(rows, reference().model, trained.model, TABLE, said).primary
        assert found.candidate < found.main
        assert found.main - found.candidate == found.delta
        assert 0 < found.low < found.delta < found.high
        back = judge.look(rows, trained.model, reference().model, TABLE, said).primary
        assert back.high < 0

    def test_groups_are_corrected_for_their_number(self, rows, seen):
        """The surest of them has the interval of alpha divided by how many there are."""
        assert {"gender=female", "gender=male"} <= seen.groups.keys()
        least = max(seen.groups.values(), key=lambda each: abs(each.delta) / each.se)
        half = NormalDist().inv_cdf(1 - 0.05 / len(seen.groups) / 2) * least.se
        assert pytest.approx((least.delta - half, least.delta + half)) == (least.low, least.high)

    def test_groups_with_too_few_rows_of_a_class_are_not_judged(self, rows, trained):
        """With more of them asked for, fewer groups are left, at last none."""
        said, counts = knobs(), []
        for least in (10, 50, 5000):
            slices = said.gates.slices.model_copy(update={"min_class_rows": least})
            asked = said.model_copy(update={"gates": said.gates.model_copy(update={"slices": slices})})
            counts.append(len(judge.look(rows, reference().model, trained.model, TABLE, asked).groups))
        assert counts == sorted(counts, reverse=True)
        assert (True, 0) == (counts[0] > counts[1] > 0, counts[2])

    def test_too_few_rows_have_no_difference(self, rows, trained):
        """One less than drift.min_rows is too few, so many are not, and none is no error."""
        found = [judge.look(rows.head(n), reference().model, trained.model, TABLE, knobs()) for n in (0, 499, 500)]
        assert [Look(0, None, {}), Look(499, None, {})] == found[:2]
        assert (500, True) == (found[2].rows, found[2].primary is not None)


class TestUnseen:
    """The rows that both models are judged on."""

    @pytest.fixture
    def rows(self) -> pd.DataFrame:
        """Some rows, the first ten without a label."""
        frame = ingest.given(knobs().data, TABLE, "2026-10", "2026-10").head(100)
        return frame.assign(default=frame["default"].where(np.arange(100) >= 10))

    def test_rows_that_either_has_seen_are_dropped(self, rows):
        """And no other."""
        keys = split.keys(rows, TABLE)
        found = judge.unseen(rows, [{*keys[10:20]}, {*keys[15:40]}], TABLE)
        assert [*rows.index[40:]] == [*found.index]

    def test_rows_without_a_label_are_dropped(self, rows):
        """Also where nothing was seen."""
        assert [*rows.index[10:]] == [*judge.unseen(rows, [set(), frozenset()], TABLE).index]

    def test_nothing_is_left_of_rows_that_are_all_seen_or_unlabelled(self, rows):
        """That is no error, nor are no rows at all."""
        assert 0 == len(judge.unseen(rows, [{*split.keys(rows, TABLE)}], TABLE))
        assert 0 == len(judge.unseen(rows.head(10), [set()], TABLE))
        assert 0 == len(judge.unseen(rows.head(0), [set()], TABLE))
