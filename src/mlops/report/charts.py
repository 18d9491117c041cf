"""Charts as Mermaid text, which GitHub draws itself: no image is uploaded to anyone."""

import numpy as np

from mlops.gates.result import decimals
from mlops.task import WORDS, Task, stated

BINS = 10


def drawn(evidence) -> list[str]:
    """Return the charts of an evidence under their heading, none where it has too few rows to draw."""
    if len(evidence.score) < BINS:
        return []
    kind, target = evidence.table.task, evidence.target
    said, seen = stated(kind, target, evidence.score)
    main = None if evidence.main_score is None else stated(kind, target, evidence.main_score)[0]
    return [f"### Charts\n\n{calibration(seen, said, kind)}", scores(said, main, kind)]


def edges(kind: Task, *columns: np.ndarray, bins: int = BINS) -> np.ndarray:
    """Return the edges of a histogram of scores: 0 to 1 for probabilities, else the range of all columns."""
    values = np.concatenate(columns)
    low, high = (values.min(), values.max()) if kind == "regression" else (0.0, 1.0)
    return np.linspace(low, high if high > low else low + max(1.0, abs(low)), bins + 1)


def calibration(target: np.ndarray, score: np.ndarray, kind: Task = "binary") -> str:
    """Return what happened against what was stated, by tenths of the rows."""
    tenths = np.array_split(np.argsort(score, kind="stable"), BINS)
    means, rates = ([float(values[rows].mean()) for rows in tenths] for values in (score, target))
    title = f"Calibration: {WORDS[kind][1]} (bars) and {WORDS[kind][0]} (line), by tenths of the rows"
    unit = "value" if kind == "regression" else "share"
    return chart(title, [str(i + 1) for i in range(BINS)], "tenth", [("bar", rates), ("line", means)], unit)


def scores(candidate: np.ndarray, main: np.ndarray | None, kind: Task = "binary") -> str:
    """Return the share of rows in each tenth of the score range: this model as bars, main's as a line."""
    series = [(name, values) for name, values in (("bar", candidate), ("line", main)) if values is not None]
    ends = edges(kind, *(values for _, values in series))
    shares = [(name, (np.histogram(values, ends)[0] / len(values)).tolist()) for name, values in series]
    title = "Scores: this model (bars)" + (" and main (line)" if main is not None else "")
    digits = max(0, -int(np.floor(np.log10(ends[1] - ends[0]))))  # as many as tell them apart: equal labels are one bar
    return chart(title, [f"{edge:.{digits}f}" for edge in ends[:-1]], "score from", shares)


def chart(title: str, labels: list[str], axis: str, series: list[tuple[str, list[float]]], unit: str = "share") -> str:
    """Return a Mermaid chart. series: (bar or line, one value a label)."""
    lines = [
        "```mermaid",
        "xychart-beta",
        f'  title "{title}"',
        f'  x-axis "{axis}" [{", ".join(labels)}]',
        f'  y-axis "{unit}"',
    ]
    places = decimals(*(value for _, values in series for value in values))  # a diagram knows no exponents
    lines += [f"  {kind} [{', '.join(f'{value:.{places}f}' for value in values)}]" for kind, values in series]
    return "\n".join([*lines, "```"])
