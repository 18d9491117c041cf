"""An answer holds what the task has."""

import msgspec
import numpy as np
import pytest

from mlops.serve.answers import kinds, reader
from tables import TASKS

FIELDS = ["score", "decision", "model_hash", "request_id", "scores", "warnings"]


@pytest.mark.parametrize("task", TASKS)
def test_scores_are_read_as_the_model_reads_them(scorer, task):
    """Decisions are those of Model.decide, at the threshold too."""
    model = scorer(task).model
    shape = (50, len(model.classes)) if task == "multiclass" else 50
    values = np.random.default_rng(0).random(shape).astype(np.float32)
    if task == "binary":
        values[:2] = np.float32(model.threshold), np.nextafter(np.float32(model.threshold), np.float32(0))
    score, decision, scores = reader(model)(values)
    expected = model.decide(values.astype(np.float64))
    if task == "multiclass":
        assert (np.array(model.classes)[expected].tolist(), values.max(axis=1).tolist()) == (decision, score)
        assert values.tolist() == [list(each.values()) for each in scores]
    else:
        assert (expected.tolist(), values.tolist(), None) == (decision, score, scores)


@pytest.mark.parametrize("task", TASKS)
def test_an_answer_has_the_fields_of_its_task(scorer, task):
    """`scores` is of several classes alone, `warnings` of a row alone; what is not there is not sent."""
    one, many = kinds(scorer(task).model)
    assert (FIELDS, FIELDS) == (list(one.__struct_fields__), list(many.__struct_fields__))
    decision = {"binary": True, "multiclass": "rent", "regression": 2.5}[task]
    answer = one(score=0.5, decision=decision, model_hash="m", request_id="r")
    assert {"score", "decision", "model_hash", "request_id"} == set(msgspec.to_builtins(answer))
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"score": 0.5, "decision": [], "model_hash": "m", "request_id": "r"}, one)
