"""report.html: the report with plots, in one file that needs nothing from elsewhere."""

import re
from io import StringIO

import numpy as np

from mlops.report.charts import BINS

STYLE = """body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}
table{border-collapse:collapse;margin:1rem 0}td,th{border:1px solid #ccc;padding:.3rem .6rem;text-align:left}
figure{display:inline-block;margin:.5rem}svg{max-width:100%;height:auto}pre{white-space:pre-wrap}code{background:#f3f3f3}"""


def render(report: str, evidence) -> str:
    """Return the Markdown report as one HTML page, its Mermaid charts replaced by drawn plots."""
    text = re.sub(r"^```mermaid$.*?^```$", "", report, flags=re.S | re.M)
    drawn = evidence is not None and len(evidence.score) >= BINS
    plots = "".join(f"<figure>{svg}</figure>" for svg in _plots(evidence)) if drawn else ""
    return f"<!doctype html><html lang=en><meta charset=utf-8><title>Verdict</title><style>{STYLE}</style><body>{_body(text)}{plots}</body></html>\n"


def _body(text: str) -> str:
    from markdown_it import MarkdownIt

    # a details element of the comment is a heading here; any other HTML stays text
    text = re.sub(r"^<details><summary>(.*)</summary>$", r"#### \1", text, flags=re.M)
    text = re.sub(r"^</details>$", "", text, flags=re.M)
    page = MarkdownIt("commonmark", {"html": False}).enable("table")
    # a message may quote anything; the page leads nowhere and loads nothing
    return page.disable(["link", "image", "autolink", "reference"]).render(text)


def _plots(evidence) -> list[str]:
    models = [("this", evidence.score)] + ([("main", evidence.main_score)] if evidence.main_score is not None else [])
    plots = {"ROC": _roc, "Calibration": _calibration, "Scores": _scores}
    return [_svg(draw, title, models, evidence.target) for title, draw in plots.items()]


def _svg(draw, title: str, models, target) -> str:
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.5, 3.6), layout="constrained")
    axes = figure.subplots()
    axes.set_title(title)
    for name, score in models:
        draw(axes, name, target, score)
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


def _calibration(axes, name, target, score) -> None:
    tenths = np.array_split(np.argsort(score, kind="stable"), BINS)
    axes.plot([score[rows].mean() for rows in tenths], [target[rows].mean() for rows in tenths], "o-", label=name)
    axes.axline((0, 0), slope=1, color="#bbb", linewidth=1)
    axes.set(xlabel="mean score", ylabel="observed rate")


def _scores(axes, name, target, score) -> None:
    axes.hist(score, bins=30, range=(0, 1), histtype="step", label=name)
    axes.set(xlabel="score", ylabel="rows")
