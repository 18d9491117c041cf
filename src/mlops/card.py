"""The model card: what the model is, made from contract, params, metrics and slices alone."""

import re

from mlops.contract import Contract
from mlops.metrics import METRICS, PRIMARY
from mlops.params import Params


def render(summary: dict, table: Contract, knobs: Params) -> str:
    """Return the card as Markdown; `summary` is the content of metrics.json."""
    window, rows = summary["window"], summary["rows"]
    of = f" of {window['start']} to {window['end']}" if window else ""
    lines = [
        f"# Model card: {table.target}",
        "",
        f"Model `{summary['model_hash'][:12]}`, {knobs.train.estimator}, trained on {rows['train']:,} rows{of}, "
        f"data `{summary['data_hash'][:12]}`.",
        "",
        f"{_gives(summary, table)} It knows the population of its training rows only.",
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
        f"## Groups with the worst {METRICS[PRIMARY[table.task]].title}",
        "",
        *worst_groups(summary["slices"], table),
    ]
    return "\n".join(lines) + "\n"


def _gives(summary: dict, table: Contract) -> str:
    if table.task == "regression":
        return f"It gives the expected `{table.target}`."
    if table.task == "multiclass":
        return f"It gives the probability of each `{table.target}` ({', '.join(table.classes)}); the likeliest is the decision."
    return f"It gives the probability that `{table.target}` is {table.positive}; from {summary['threshold']:.3f} on the decision is positive."


def worst_groups(slices: list[dict], table: Contract) -> list[str]:
    """Return the worst groups of metrics.json as a Markdown table, one string a line."""
    name = PRIMARY[table.task]
    rows = [(found["slice"], f"{found['rows']:,}", f"{found[name]:.4f}") for found in slices]
    return markdown_table(("group", "rows", METRICS[name].title), rows)


def markdown_table(head: tuple, rows: list[tuple]) -> list[str]:
    """Return a Markdown table, one string a line; a cell stays one line, and a bar in it is no border."""
    lines = [[re.sub(r"\\*\|", r"\|", " ".join(str(cell).split())) for cell in row] for row in (head, *rows)]
    return [f"| {' | '.join(line)} |" for line in (lines[0], ["---"] * len(head), *lines[1:])]
