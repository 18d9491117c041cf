"""Labels that come in later are joined by request id, and give a difference with its interval."""

import random
from datetime import UTC, datetime
from math import isnan

import pytest

from mlops.errors import CannotRun
from mlops.rollout import labels
from mlops.rollout.prediction_log import Row

OLD, NEW = "a" * 64, "b" * 64
MODELS = OLD, NEW


def answers(
    model: str, arm: str, signal: float, count: int = 800, prefix: str = "r"
) -> tuple[list[Row], dict[str, str]]:
    """Answers whose score knows so much of the label, and the labels."""
    rng, told = random.Random(5), random.Random(9)
    rows, known = [], {}
    for place in range(count):
        positive = told.random() < 0.3
        score = min(1.0, max(0.0, 0.5 + signal * (0.25 if positive else -0.25) + rng.gauss(0, 0.15)))
        rows.append(Row(datetime.now(UTC), f"{prefix}{place}", 0, model, arm, score, score >= 0.5, 1.0))
        known[f"{prefix}{place}"] = str(int(positive))
    return rows, known


def test_a_worse_challenger_is_known_by_an_interval_above_nought(folder):
    """Of two arms with different users."""
    (theirs, known), (mine, more) = (
        answers(OLD, "champion", 1.0, prefix="c"),
        answers(NEW, "challenger", 0.2, prefix="n"),
    )
    low, high = labels.worse(theirs + mine, known | more, MODELS)
    assert 0.05 < low < high


def test_of_a_shadow_the_difference_is_paired(folder):
    """The same requests: the interval is narrower than of two samples."""
    (theirs, known), (mine, _) = answers(OLD, "champion", 1.0), answers(NEW, "shadow", 0.6)
    apart, more = answers(NEW, "challenger", 0.6, prefix="n")
    low, high = labels.worse(theirs + mine, known, MODELS)
    wide = labels.worse(theirs + apart, known | more, MODELS)
    assert 0 < low < high
    assert high - low < wide[1] - wide[0]


def test_an_equal_challenger_has_nought_inside(folder):
    """It is not worse."""
    (theirs, known), (mine, more) = (
        answers(OLD, "champion", 1.0, prefix="c"),
        answers(NEW, "challenger", 1.0, prefix="n"),
    )
    low, high = labels.worse(theirs + mine, known | more, MODELS)
    assert low <= 0 <= high


def test_failovers_are_not_the_champions_arm(folder):
    """Nor are they the challenger's: too few are left."""
    (theirs, known), (over, more) = (
        answers(OLD, "champion", 1.0, prefix="c"),
        answers(OLD, "challenger", 1.0, prefix="n"),
    )
    assert [True, True] == [*map(isnan, labels.worse(theirs + over, known | more, MODELS))]


def test_few_labels_say_nothing(folder):
    """Fewer than fifty of an arm."""
    (theirs, known), (mine, more) = answers(OLD, "champion", 1.0, prefix="c"), answers(NEW, "challenger", 1.0, 49, "n")
    assert [True, True] == [*map(isnan, labels.worse(theirs + mine, known | more, MODELS))]


def test_a_file_of_labels_is_read(tmp_path):
    """Two columns, in any order, with others beside them."""
    (tmp_path / "labels.csv").write_text("label,when,request_id\n1,today,r1\n0,today,r2\n")
    assert {"r1": "1", "r2": "0"} == labels.read(str(tmp_path / "labels.csv"))


@pytest.mark.parametrize("text", [None, "id,label\nr1,1\n", b"\xff\xfe\x00"])
def test_what_is_no_file_of_labels_is_refused(tmp_path, text):
    """Not there, without the columns, no text."""
    if text is not None:
        (tmp_path / "labels.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(CannotRun, match="columns request_id and label"):
        labels.read(str(tmp_path / "labels.csv"))


@pytest.mark.parametrize(("one", "nought"), [("1.0", "0.0"), ("true", "false"), ("1", "0")])
def test_a_number_may_be_written_in_more_ways_than_one(folder, one, nought):
    """A table with gaps writes 1.0."""
    (theirs, known), (mine, more) = (
        answers(OLD, "champion", 1.0, prefix="c"),
        answers(NEW, "challenger", 0.2, prefix="n"),
    )
    said = {key: one if value == "1" else nought for key, value in (known | more).items()}
    assert labels.worse(theirs + mine, known | more, MODELS) == labels.worse(theirs + mine, said, MODELS)


@pytest.mark.parametrize("value", ["yes", "", "2"])
def test_a_label_that_is_none_of_the_contracts_is_refused(folder, value):
    """It would count as the other class."""
    (theirs, known), (mine, more) = (
        answers(OLD, "champion", 1.0, prefix="c"),
        answers(NEW, "challenger", 1.0, prefix="n"),
    )
    with pytest.raises(CannotRun, match="labels"):
        labels.worse(theirs + mine, known | more | {"c1": value}, MODELS)
