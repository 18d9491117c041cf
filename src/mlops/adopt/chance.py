"""Is the first model of a table better than one that reads nothing? There is no main to compare it with."""

import numpy as np

from mlops import contract, split
from mlops.bootstrap import single
from mlops.files import read_table
from mlops.metrics import named
from mlops.onnx_model import Model
from mlops.paths import PART

JUDGE = {"binary": "roc_auc", "multiclass": "accuracy", "regression": "r2"}
CONSTANT = {  # what that metric is where every row is answered the same, of a target [rows]
    "binary": lambda target: 0.5,
    "multiclass": lambda target: np.bincount(target).max() / len(target),
    "regression": lambda target: 0.0,
}


def hardly_better() -> str:
    """Return a sentence for a person where the interval on test rows reaches what a constant answer has; else ""."""
    table, model, rows = contract.read(), Model.read(), read_table(PART.format("test"))
    target = contract.targets(rows[table.target], table)
    name = JUDGE[table.task]
    scores = model.said(model.score(rows))
    found = single(target, scores, groups=split.keys(rows, table), metrics=[name])[name]
    constant = CONSTANT[table.task](target)
    if found.low > constant:
        return ""
    return (
        f"the model may be no better than one that reads nothing: {named(name).title} {found.value:.3g} (95 % interval {found.low:.3g} to "
        f"{found.high:.3g}), a constant answer has {constant:.3g}. Bring more rows, or columns that tell more"
    )
