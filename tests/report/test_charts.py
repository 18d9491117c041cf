"""Charts as text: the numbers in them are those of the rows."""

import re
from dataclasses import replace

import numpy as np
import pytest

from judging import TASKS, WORLDS, first_run, holding
from mlops.report.charts import calibration, drawn, edges, scores
from mlops.task import stated


def series(chart: str) -> dict[str, list[float]]:
    """The numbers of a chart: {bar or line: values}."""
    return {kind: [float(v) for v in values.split(",")] for kind, values in re.findall(r"  (bar|line) \[(.*)\]", chart)}


def labels(chart: str) -> list[str]:
    """The labels of a chart's x-axis."""
    return re.search(r"x-axis \"[^\"]*\" \[(.*)\]", chart)[1].split(", ")


@pytest.mark.parametrize("task", TASKS)
def test_calibration_shows_rate_and_score_of_each_tenth(task):
    """What a true model states lies on what happens, tenth by tenth, and both rise."""
    said, seen = stated(task, *WORLDS[task](50_000))
    found = series(calibration(seen, said, task))
    assert pytest.approx(found["line"], abs=0.04) == found["bar"]
    assert found["line"] == sorted(found["line"])


def test_calibration_says_what_its_series_are():
    """The title has the words of the task."""
    titles = [re.search(r'title "(.*)"', calibration(*np.full((2, 20), 0.5), task))[1] for task in TASKS]
    words = [
        "observed rate (bars) and mean score (line)",
        "share that is right (bars) and mean score of the decision (line)",
        "mean target (bars) and mean prediction (line)",
    ]
    assert [f"Calibration: {each}, by tenths of the rows" for each in words] == titles


def test_small_numbers_keep_their_digits():
    """Means of millionths are bars of different heights, and none has an exponent, which no diagram knows."""
    target = np.linspace(1e-6, 2e-6, 100)
    chart = calibration(target, target, "regression")
    assert 10 == len(set(series(chart)["bar"]))
    assert "e-" not in chart.split("bar", 1)[1]


def test_scores_are_shares_that_add_up():
    """All rows are in the ten bars, those with a score of 0 and of 1 too."""
    found = series(scores(np.array([0, 0.05, 0.95, 1]), None))
    assert {"bar": [0.5, 0, 0, 0, 0, 0, 0, 0, 0, 0.5]} == found


def test_probabilities_are_shown_from_0_to_1():
    """Whatever the scores are, so that charts of different runs can be held side by side."""
    assert [f"0.{i}" for i in range(10)] == labels(scores(np.full(9, 0.5), None))


@pytest.mark.parametrize(
    ("low", "high"), [(-20, 80), (1e6, 1e6 + 1), (1e5, 9e5), (0, 1e-5), (-3.5, -3.5), (0, 0), (1e17, 1e17)]
)
def test_numbers_are_shown_in_their_range(low, high):
    """From the smallest to the largest of both models: all rows are in a bar, and no two bars have one label."""
    chart = scores(np.linspace(low, high, 50), np.array([low, high]), "regression")
    assert 10 == len(set(labels(chart)))
    assert [True] * 10 == [bool(re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", label)) for label in labels(chart)]
    assert [pytest.approx(1)] * 2 == [sum(values) for values in series(chart).values()]


def test_a_histogram_of_numbers_has_room_for_both_models():
    """The range is that of all columns."""
    assert (-1.0, 5.0) == tuple(edges("regression", np.array([0.0, 5.0]), np.array([-1.0, 2.0]))[[0, -1]])


def test_main_is_drawn_where_there_is_one():
    """A second series and its name in the title."""
    assert "and main (line)" in scores(np.full(9, 0.5), np.full(9, 0.1))
    assert "main" not in scores(np.full(9, 0.5), None)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("made", [holding, first_run])
def test_charts_are_blocks_that_github_draws(made, task):
    """Each is a closed Mermaid block without a value that is no number."""
    charts = drawn(made(task))
    assert 2 == len(charts)
    assert all(re.search(r"```mermaid\nxychart-beta\n(  .*\n)+```$", chart) for chart in charts)
    assert "nan" not in "".join(charts)


@pytest.mark.parametrize("rows", [0, 9])
def test_too_few_rows_are_not_drawn(rows):
    """Less than a row for each tenth is no chart."""
    assert [] == drawn(replace(holding(), score=np.full(rows, 0.5), target=np.zeros(rows)))
