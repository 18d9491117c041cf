"""report.html: the report with plots, in one file that needs nothing from elsewhere."""

import re
from collections.abc import Callable, Iterable
from functools import partial
from html import escape
from io import StringIO
from posixpath import dirname, relpath

import numpy as np

from mlops.paths import CARD, DATA_DOCS, DEEPCHECKS_PAGE, REPORT_PAGE
from mlops.report.charts import BINS, edges
from mlops.task import stated

VIEWPORT = '<meta name=viewport content="width=device-width, initial-scale=1">'
STYLE = """body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}
table{border-collapse:collapse;margin:1rem 0}td,th{border:1px solid #ccc;padding:.3rem .6rem;text-align:left}
figure{display:inline-block;margin:.5rem}svg{max-width:100%;height:auto}pre{white-space:pre-wrap}code{background:#f3f3f3}"""


PAGES = {"deepchecks": DEEPCHECKS_PAGE, "Data Docs": DATA_DOCS, "Model card": CARD}


def render(report: str, evidence, word: str = "", pages: Iterable[str] = ()) -> str:
    """Return the Markdown report as one HTML page, its Mermaid charts replaced by drawn plots.

    word: the verdict, for the title; pages: those of PAGES to lead to, which stand beside this one.
    """
    text = re.sub(r"^```mermaid$.*?^```$", "", report, flags=re.S | re.M)
    drawn = evidence is not None and len(evidence.score) >= BINS
    plots = "".join(f"<figure>{svg}</figure>" for svg in _plots(evidence)) if drawn else ""
    title = f"Verdict: {escape(word)}" if word else "Verdict"
    return page(title, f"{_links(pages)}{body(text)}{plots}")


def page(title: str, content: str) -> str:
    """Return a whole page of content that is HTML already; the title, too."""
    head = f"<meta charset=utf-8>{VIEWPORT}<title>{title}</title><style>{STYLE}</style>"
    return f"<!doctype html><html lang=en>{head}<body>{content}</body></html>\n"


def _links(pages: Iterable[str]) -> str:
    """The only links of the page, of fixed words: none comes from a text."""
    links = [f'<a href="{relpath(PAGES[page], dirname(REPORT_PAGE))}">{page}</a>' for page in pages]
    return f"<nav>{' · '.join(links)}</nav>" if links else ""


def body(text: str) -> str:
    """Return Markdown as HTML that leads nowhere and loads nothing."""
    from markdown_it import MarkdownIt

    # a details element of the comment is a heading here; any other HTML stays text
    text = re.sub(r"^<details><summary>(.*)</summary>$", r"#### \1", text, flags=re.M)
    text = re.sub(r"^</details>$", "", text, flags=re.M)
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    # a message may quote anything; the page leads nowhere and loads nothing
    return parser.disable(["link", "image", "autolink", "reference"]).render(text)


def _plots(evidence) -> list[str]:
    kind, target = evidence.table.task, evidence.target
    both = {"this": evidence.score, "main": evidence.main_score}
    said = {name: stated(kind, target, score) for name, score in both.items() if score is not None}
    ends = edges(kind, *(score for score, _ in said.values()), bins=30)
    drawn = {"Calibration": _calibration, "Scores": partial(_scores, ends)}
    if kind == "binary":
        drawn = {"ROC": _roc} | drawn
    return [_svg(draw, title, said) for title, draw in drawn.items()]


def _svg(draw, title: str, said: dict[str, tuple]) -> str:
    def every(axes) -> None:
        for name, (score, seen) in said.items():
            draw(axes, name, seen, score)

    return svg(title, every)


def svg(title: str, draw: Callable, width: float = 4.5) -> str:
    """Return a plot as SVG: `draw` is given its axes. width: inches."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, 3.6), layout="constrained")
    axes = figure.subplots()
    axes.set_title(title)
    draw(axes)
    axes.legend()
    out = StringIO()
    with rc_context({"svg.hashsalt": title}):  # else every run gives the parts other names
        figure.savefig(out, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    return out.getvalue()[out.getvalue().index("<svg") :]


def _roc(axes, name, target, score) -> None:
    from sklearn.metrics import roc_curve

    false_positive, true_positive, _ = roc_curve(target, score)
    axes.plot(false_positive, true_positive, label=name)
    axes.set(xlabel="false positive rate", ylabel="true positive rate")


def _calibration(axes, name, seen, score) -> None:
    tenths = np.array_split(np.argsort(score, kind="stable"), BINS)
    means = [score[rows].mean() for rows in tenths]
    axes.plot(means, [seen[rows].mean() for rows in tenths], "o-", label=name)
    axes.axline((means[0], means[0]), slope=1, color="#bbb", linewidth=1)
    axes.set(xlabel="mean score", ylabel="what happened")


def _scores(ends, axes, name, seen, score) -> None:
    axes.hist(score, bins=ends, histtype="step", label=name)
    axes.set(xlabel="score", ylabel="rows")
