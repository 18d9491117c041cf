"""What a retrain tells people: what has drifted, old against new with intervals, and how to say no."""

from mlops.drift.reference import Reference
from mlops.metrics import named
from mlops.params import Params, Window
from mlops.retrain.judge import Judgement, Look

LOOKS = {
    "newest": "the newest rows, which drift is about",
    "common": "all rows of its months that neither was trained on",
    "holdout": "holdout rows of the champion's months",
}


def markdown(reference: Reference, model: str, window: Window, found: Judgement, why: str, knobs: Params) -> str:
    """Return the whole report."""
    old = reference.window
    answer = "is better, and proposed" if found.better else "is not proposed"
    head = (
        f"# Retrain\n\n**The challenger {answer}.** Champion `{reference.model.hash[:12]}` of {old.start} to {old.end}, challenger "
        f"`{model[:12]}` of {window.start} to {window.end}.\n\nWhy it was trained: {why}"
    )
    against = "\n".join(f"- {sentence}" for sentence in (*found.why, *found.notes))
    return "\n\n".join(part for part in (head, against, _table(found, knobs)) if part) + "\n"


def _table(found: Judgement, knobs: Params) -> str:
    metric = named(knobs.gates.primary)
    lines = [
        f"| rows | number | {metric.title}: champion | challenger | better by | 95 % interval |",
        "|---|---|---|---|---|---|",
    ]
    for name, look in found.looks.items():
        lines.append(f"| {LOOKS[name]} | {look.rows:,} | {_cells(look)} |")
    return "\n".join(lines)


def _cells(look: Look) -> str:
    each = look.primary
    if each is None:
        return "too few rows | | |"
    return f"{each.main:.4f} | {each.candidate:.4f} | {each.delta:+.4f} | {each.low:+.4f} to {each.high:+.4f}"
