"""What people read of drift: the answer first, one line a window, no group where all rows say the same."""

import re
from dataclasses import replace
from datetime import datetime

import pytest
from matplotlib.figure import Figure

from champions import reference
from mlops.drift import report
from mlops.drift.decision import Alarm, Decision, Seen
from mlops.drift.finding import Finding
from mlops.drift.windows import Window

AS_OF = datetime(2025, 4, 2).date()


def window(name: str, closed: bool = True) -> Window:
    """A month."""
    start = datetime.fromisoformat(f"{name}-01")
    return Window(name, start, start.replace(month=start.month + 1), closed, closed)


def finding(what="debt", kind="covariate", state="drift", group="", statistic="psi", effect=0.5, **more) -> Finding:
    """One finding."""
    return Finding(kind, what, group, statistic, effect, 0.2, 0.001, state, **more)


def metric(kind: str, now: float) -> Finding:
    """A metric's change."""
    return finding("roc_auc", kind, "ok", statistic="loss", effect=0.0, note="0.8 -> x", before=0.8, now=now)


SEEN = [
    Seen(
        window("2025-01"),
        2000,
        1900,
        (finding(state="ok"), metric("estimate", 0.8), metric("performance", 0.79)),
        ("3 rows came twice",),
    ),
    Seen(
        window("2025-02"),
        2000,
        0,
        (finding(state="drift"), finding("_score", "prediction", "critical"), metric("estimate", 0.78)),
    ),
    Seen(
        window("2025-03", closed=False),
        90,
        0,
        (Finding("covariate", "debt", "", "", None, None, None, "too few", "90 rows, and 500 are needed"),),
    ),
]


@pytest.mark.parametrize(
    ("answer", "begins"),
    [
        ("mend", "**The rows are at fault.** Mend"),
        ("retrain", "**The rows have changed, or what they mean.** Retrain"),
        ("quiet", "**Quiet.**"),
        ("too few rows", "**Too few rows**"),
    ],
)
def test_the_answer_comes_first(answer, begins):
    """Before any table."""
    text = report.markdown(reference(), AS_OF, SEEN, Decision(answer, ()))
    assert text.startswith(f"# Drift\n\n{begins}")


def test_a_window_is_one_line_with_what_counts_in_it():
    """Kinds that nothing was asked of have no column; a score is called by its name."""
    lines = report.table(SEEN).splitlines()
    assert (
        "| window | rows | labels | covariate drift | prediction drift | estimated performance | performance |"
        == lines[0]
    )
    assert "| 2025-01 | 2,000 | 1,900 | ok |  | ok | ok |" == lines[2]
    assert "| 2025-02 | 2,000 | 0 | **drift**: debt | **critical**: score | ok |  |" == lines[3]
    assert "| 2025-03 (open) | 90 | 0 | too few |  |  |  |" == lines[4]


def test_many_of_a_kind_are_three_and_a_number():
    """A line stays a line."""
    many = Seen(window("2025-01"), 2000, 0, tuple(finding(f"c{place}") for place in range(9)))
    assert "| **drift**: c0, c1, c2 and 6 more |" in report.table([many])


def test_a_group_is_told_only_where_all_rows_do_not_say_it():
    """An alarm of all rows stands for those of its groups."""
    alarms = [
        Alarm(finding(what, group=group), ("2025-02",), critical=True)
        for what, group in (("debt", ""), ("debt", "age=30-45"), ("income", "age=30-45"))
    ]
    told = report.told(Decision("retrain", tuple(alarms)))
    assert ["debt: psi", "income of age=30-45: psi"] == [
        each.partition("): ")[2].rpartition(" 0.5 ")[0] for each in told
    ]


def test_what_was_left_out_and_how_good_the_estimate_was_are_said():
    """Beside the windows that had too few rows."""
    text = report.markdown(reference(), AS_OF, SEEN, Decision("quiet", ()))
    assert "- 2025-01: 3 rows came twice" in text
    assert "- too few rows: 2025-03" in text
    assert "- The estimate of 2025-01 was 0.8000; with its labels it is 0.7900." in text


def test_all_figures_are_those_of_the_newest_window_that_has_some():
    """Not of one with too few rows."""
    text = report.newest(SEEN)
    assert "All figures of 2025-02" in text
    assert "| score | psi | 0.5 | 0.2 | 0.001 | critical |" in text
    assert "" == report.newest(SEEN[2:])


def test_charts_are_drawn_of_two_windows_and_not_of_one():
    """One point is no line."""
    assert ["Population stability index of debt, which has moved most"] == [
        chart.split('title "')[1].split('"')[0] for chart in report.drawn(SEEN)
    ]
    assert [] == [*report.drawn(SEEN[:1])]
    both = [
        Seen(window(name), 2000, 2000, (finding(state="ok"), metric("estimate", 0.8), metric("performance", 0.79)))
        for name in ("2025-01", "2025-02")
    ]
    assert 2 == len([*report.drawn(both)])


def test_the_page_has_plots_and_leads_nowhere():
    """A value from a table stays text there."""
    odd = Seen(window("2025-04"), 600, 0, (finding('<script>"|x'), metric("estimate", 0.8)))
    text = report.markdown(reference(), AS_OF, [*SEEN, odd], Decision("quiet", ()))
    page = report.page(text, [*SEEN, odd])
    assert 2 == page.count("<svg")
    assert "<script" not in page
    assert "mermaid" not in page
    assert 0 == report.page(text, SEEN[:1]).count("<svg")


OLD = ("Champion aaa", [replace(SEEN[0], window=window(name)) for name in ("2024-01", "2024-02")])
NEW = ("Champion bbb", SEEN)


@pytest.mark.parametrize("given", [[OLD, NEW], [NEW, OLD]])
def test_of_several_champions_the_newest_comes_first(given):
    """A table each, in whatever order they are given, below one sentence of how far they go back."""
    page = report.pages(given)
    assert ["Champion bbb", "Champion aaa"] == re.findall("<h2>(.*?)</h2>", page)
    assert "of 2024-01 to 2025-03, champion after champion" in page.partition("<h2>")[0]
    assert 2 == page.count("<table")


@pytest.mark.parametrize("given", [[OLD, NEW], [NEW, OLD]])
def test_their_plots_go_on_from_the_oldest_to_the_newest(given, monkeypatch):
    """Two plots on one axis of all windows, a line a champion."""
    drawn = []

    def svg(title, draw, width):
        axes = Figure().subplots()
        draw(axes)
        drawn.append((title, [each.get_text() for each in axes.get_xticklabels()], axes.get_legend_handles_labels()[1]))
        return "<svg></svg>"

    monkeypatch.setattr(report.html, "svg", svg)
    page = report.pages(given)
    names = ["2024-01", "2024-02", "2025-01", "2025-02", "2025-03"]
    titles = ("Primary metric, with labels", "Population stability index, the largest of all columns")
    assert [(title, names, ["Champion aaa", "Champion bbb"]) for title in titles] == drawn
    assert page.find("<svg") < page.find("<h2>")


def test_a_page_of_one_champion_is_plotted_too():
    """The first one, of a single window; its tables have no more lines than other reports, and the plots all windows."""
    assert 2 == report.pages([("Champion aaa", SEEN[:1])]).count("<svg")
    many = [replace(SEEN[0], window=window(f"{year}-{month:02}")) for year in (2023, 2024) for month in range(1, 10)]
    page = report.pages([("Champion aaa", many)])
    assert (report.SHOWN, True) == (page.count("<td>2,000</td>"), "of 2023-01 to 2024-09" in page)


def test_what_a_champion_is_called_stays_text():
    """It comes from a branch that others may push to."""
    assert "<script" not in report.pages([("<script>alert(1)</script>", SEEN)])
