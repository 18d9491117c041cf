"""Charts as text: the numbers in them are those of the rows."""

import re
from dataclasses import replace

import numpy as np
import pytest

from judging import first_run, holding, world
from mlops.report.charts import calibration, drawn, scores


def series(chart: str) -> dict[str, list[float]]:
    """The numbers of a chart: {bar or line: values}."""
    return {kind: [float(v) for v in values.split(",")] for kind, values in re.findall(r"  (bar|line) \[(.*)\]", chart)}


def test_calibration_shows_rate_and_score_of_each_tenth():
    """True probabilities lie on their rates, tenth by tenth, and both rise."""
    found = series(calibration(*world(50_000)))
    assert pytest.approx(found["line"], abs=0.03) == found["bar"]
    assert found["line"] == sorted(found["line"])


def test_scores_are_shares_that_add_up():
    """All rows are in the ten bars, those with a score of 0 and of 1 too."""
    found = series(scores(np.array([0, 0.05, 0.95, 1]), None))
    assert {"bar": [0.5, 0, 0, 0, 0, 0, 0, 0, 0, 0.5]} == found


def test_main_is_drawn_where_there_is_one():
    """A second series and its name in the title."""
    assert "and main (line)" in scores(np.full(9, 0.5), np.full(9, 0.1))
    assert "main" not in scores(np.full(9, 0.5), None)


@pytest.mark.parametrize("found", [holding(), first_run()], ids=["compared", "first run"])
def test_charts_are_blocks_that_github_draws(found):
    """Each is a closed Mermaid block without a value that is no number."""
    charts = drawn(found)
    assert 2 == len(charts)
    assert all(re.search(r"```mermaid\nxychart-beta\n(  .*\n)+```$", chart) for chart in charts)
    assert "nan" not in "".join(charts)


@pytest.mark.parametrize("rows", [0, 9])
def test_too_few_rows_are_not_drawn(rows):
    """Less than a row for each tenth is no chart."""
    assert [] == drawn(replace(holding(), score=np.full(rows, 0.5), target=np.zeros(rows)))
