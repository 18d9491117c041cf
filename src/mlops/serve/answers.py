"""What a request is answered with: one msgspec struct a task, so that the document says what is sent."""

from collections.abc import Callable

import msgspec
import numpy as np

from mlops.onnx_model import Model

DECISION = {"binary": bool, "multiclass": str, "regression": float}


def kinds(model: Model) -> tuple[type, type]:
    """Return the structs of one answer and of a batch's. `scores` is of several classes alone, `warnings` of broken rules: columns, of a batch with rows."""
    fields, several = {"score": float, "decision": DECISION[model.task]}, dict[str, float]
    about = [("model_hash", str), ("request_id", str)]
    one = msgspec.defstruct(
        "Answer",
        [*fields.items(), *about, ("scores", several | None, None), ("warnings", list[str] | None, None)],
        omit_defaults=True, gc=False,
    )  # fmt: skip
    many = [(name, list[kind]) for name, kind in fields.items()]
    return one, msgspec.defstruct(
        "Answers",
        [*many, *about, ("scores", list[several] | None, None), ("warnings", dict[str, int] | None, None)],
        omit_defaults=True,
        gc=False,
    )


def reader(model: Model) -> Callable[[np.ndarray], tuple]:
    """Return a function: scores float32 [rows] or [rows, classes] -> lists of each row's score and decision, and scores or None."""
    if model.task == "binary":
        threshold = np.float32(model.threshold)
        return lambda score: (score.tolist(), (score >= threshold).tolist(), None)
    if model.task == "regression":
        return lambda score: (values := score.tolist(), values, None)
    names = model.classes

    def several(score: np.ndarray) -> tuple:
        places, rows = score.argmax(axis=1).tolist(), score.tolist()
        best = [row[place] for row, place in zip(rows, places, strict=True)]
        return best, [names[place] for place in places], [dict(zip(names, row, strict=True)) for row in rows]

    return several
