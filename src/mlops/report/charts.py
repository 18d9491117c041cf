"""Charts as Mermaid text, which GitHub draws itself: no image is uploaded to anyone."""

import numpy as np

BINS = 10


def drawn(evidence) -> list[str]:
    """Return the charts of an evidence under their heading, none where it has too few rows to draw."""
    if len(evidence.score) < BINS:
        return []
    both = [calibration(evidence.target, evidence.score), scores(evidence.score, evidence.main_score)]
    return [f"### Charts\n\n{both[0]}", both[1]]


def calibration(target: np.ndarray, score: np.ndarray) -> str:
    """Return observed rate against mean score, by tenths of the rows, with the diagonal of a perfect model."""
    tenths = np.array_split(np.argsort(score, kind="stable"), BINS)
    means, rates = ([float(values[rows].mean()) for rows in tenths] for values in (score, target))
    return _chart(
        "Calibration: observed rate (bars) and mean score (line), by tenths of the rows",
        [str(i + 1) for i in range(BINS)],
        "tenth",
        [("bar", rates), ("line", means)],
    )


def scores(candidate: np.ndarray, main: np.ndarray | None) -> str:
    """Return the share of rows in each tenth of the score range: this model as bars, main's as a line."""
    edges = np.linspace(0, 1, BINS + 1)
    shares = [
        (kind, (np.histogram(values, edges)[0] / len(values)).tolist())
        for kind, values in (("bar", candidate), ("line", main))
        if values is not None
    ]
    title = "Scores: this model (bars)" + (" and main (line)" if main is not None else "")
    return _chart(title, [f"{edge:.1f}" for edge in edges[:-1]], "score from", shares)


def _chart(title: str, labels: list[str], axis: str, series: list[tuple[str, list[float]]]) -> str:
    lines = [
        "```mermaid",
        "xychart-beta",
        f'  title "{title}"',
        f'  x-axis "{axis}" [{", ".join(labels)}]',
        '  y-axis "share"',
    ]
    lines += [f"  {kind} [{', '.join(f'{value:.4f}' for value in values)}]" for kind, values in series]
    return "\n".join([*lines, "```"])
