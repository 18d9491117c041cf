"""The model card: what the model is, made from contract, params, metrics and slices alone."""

import re

from mlops.contract import Contract
from mlops.params import Params


def render(summary: dict, table: Contract, knobs: Params) -> str:
    """Return the card as Markdown; `summary` is the content of metrics.json."""
    window, rows = summary["window"], summary["rows"]
    lines = [
        f"# Model card: {table.target}",
        "",
        f"Model `{summary['model_hash'][:12]}`, {knobs.train.estimator}, trained on {rows['train']:,} rows of {window['start']} to {window['end']}, "
        f"data `{summary['data_hash'][:12]}`.",
        "",
        f"It gives the probability that `{table.target}` is {table.positive}; from {summary['threshold']:.3f} on the decision is positive. "
        "It knows the population of its training window only.",
        "",
        "## Inputs",
        "",
        *markdown_table(
            ("column", "type", "description"), [(f"`{n}`", c.type, c.description) for n, c in table.features.items()]
        ),
        "",
        f"Not read by the model: {', '.join(f'`{n}`' for n in table.columns if n not in table.features)}. "
        f"Protected: {', '.join(f'`{n}`' for n in table.protected) or 'none named'}.",
        "",
        f"## Metrics on {rows['test']:,} test rows",
        "",
        *markdown_table(
            ("metric", "value"),
            [(name, "not a number" if value is None else f"{value:.4f}") for name, value in summary["metrics"].items()],
        ),
        "",
        "## Groups with the lowest ROC AUC",
        "",
        *markdown_table(
            ("group", "rows", "positives", "ROC AUC"),
            [(s["slice"], f"{s['rows']:,}", f"{s['positives']:,}", f"{s['roc_auc']:.4f}") for s in summary["slices"]],
        ),
    ]
    return "\n".join(lines) + "\n"


def markdown_table(head: tuple, rows: list[tuple]) -> list[str]:
    """Return a Markdown table, one string a line; a cell stays one line, and a bar in it is no border."""
    lines = [[re.sub(r"\\*\|", r"\|", " ".join(str(cell).split())) for cell in row] for row in (head, *rows)]
    return [f"| {' | '.join(line)} |" for line in (lines[0], ["---"] * len(head), *lines[1:])]
