"""The model file: what can be read is read, and no answer is made up."""

import hashlib
import json

import numpy as np
import onnx
import pandas as pd
import pytest
from onnx import TensorProto, helper

from judging import model
from mlops.errors import CannotRun
from mlops.onnx_model import KEY, Model

FRAME = pd.DataFrame({"amount": [-1.0, 0.0, 2.0], "other": "x"})


def described(text: str | None) -> bytes:
    """The small model with other words in its metadata, or none."""
    made = onnx.load_from_string(model().data)
    del made.metadata_props[:]
    if text is not None:
        onnx.helper.set_model_props(made, {KEY: text})
    return made.SerializeToString()


CLASSES = ["low", "middle", "high"]


def answering(task: str, threshold: float = 0.5) -> Model:
    """A model of one input: its sigmoid, the shares of three classes, or the number itself."""
    one = [helper.make_tensor("one", TensorProto.INT64, [1], [1])]
    nodes = {
        "binary": [helper.make_node("Sigmoid", ["X"], ["p"]), helper.make_node("Squeeze", ["p", "one"], ["score"])],
        "multiclass": [
            helper.make_node("Neg", ["X"], ["minus"]),
            helper.make_node("Sub", ["X", "X"], ["zero"]),
            helper.make_node("Concat", ["minus", "zero", "X"], ["three"], axis=1),
            helper.make_node("Softmax", ["three"], ["score"], axis=1),
        ],
        "regression": [helper.make_node("Squeeze", ["X", "one"], ["score"])],
    }[task]
    score = helper.make_tensor_value_info("score", TensorProto.FLOAT, [None, 3] if task == "multiclass" else [None])
    given = helper.make_tensor_value_info("X", TensorProto.FLOAT, [None, 1])
    graph = helper.make_graph(nodes, "model", [given], [score], one)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    columns = [{"name": "amount", "type": "number", "categories": []}]
    classes = CLASSES if task == "multiclass" else []
    spec = {"columns": columns, "task": task, "classes": classes, "threshold": threshold}
    helper.set_model_props(made, {KEY: json.dumps(spec)})
    return Model(made.SerializeToString())


def test_a_model_is_named_by_its_bytes():
    """The hash is the sha256 of the file."""
    assert hashlib.sha256(model().data).hexdigest() == model().hash


def test_a_model_is_read_from_its_file(tmp_path):
    """With its columns and threshold."""
    (tmp_path / "model.onnx").write_bytes(model().data)
    found = Model.read(tmp_path / "model.onnx")
    assert (model().hash, ["amount"], 0.5) == (
        found.hash,
        [column["name"] for column in found.columns],
        found.threshold,
    )


def test_every_row_gets_its_score():
    """A float64 a row; columns that the model does not read do not matter."""
    score = model().score(FRAME)
    assert np.dtype("float64") == score.dtype
    np.testing.assert_allclose(score, 1 / (1 + np.exp(-FRAME["amount"])), atol=1e-7)


@pytest.mark.parametrize(("task", "shape"), [("binary", (3,)), ("multiclass", (3, 3)), ("regression", (3,))])
def test_a_score_is_what_the_task_says(task, shape):
    """A probability, one a class, or the number: float64 in each."""
    score = answering(task).score(FRAME)
    assert (np.dtype("float64"), shape) == (score.dtype, score.shape)


@pytest.mark.parametrize(
    ("task", "expected"),
    [("binary", [False, True, True]), ("multiclass", [0, 0, 2]), ("regression", [-1.0, 0.0, 2.0])],
)
def test_a_decision_is_what_the_task_says(task, expected):
    """At or above the threshold; the likeliest class, of equals the first; or the number itself."""
    made = answering(task)
    assert expected == made.decide(made.score(FRAME)).tolist()


@pytest.mark.parametrize(("threshold", "expected"), [(0.25, [True, True, True]), (0.75, [False, False, True])])
def test_a_threshold_counts_for_two_classes_alone(threshold, expected):
    """It moves their decision, and no other task's."""
    made = answering("binary", threshold)
    assert expected == made.decide(made.score(FRAME)).tolist()
    for task in ("multiclass", "regression"):
        score = answering(task).score(FRAME)
        assert answering(task).decide(score).tolist() == answering(task, threshold).decide(score).tolist()


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_scores_are_given_on_as_the_metrics_take_them(task):
    """With the threshold, the task, the classes and the owner's values of the rows."""
    made = answering(task, 0.25)
    found = made.said(made.score(FRAME), {"value": np.arange(3)})
    assert (0.25, task, made.classes) == (found.threshold, found.task, found.classes)
    assert [0, 1, 2] == found.extra["value"].tolist()
    assert made.decide(found.score).tolist() == found.decision.tolist()
    assert {} == made.said(made.score(FRAME)).extra


def test_a_row_alone_gets_the_score_it_has_among_others():
    """Sums keep their order: one thread, one row at a time or all."""
    alone = [float(model().score(FRAME.iloc[[row]])[0]) for row in range(3)]
    assert alone == model().score(FRAME).tolist()


@pytest.mark.parametrize(("task", "shape"), [("binary", (0,)), ("multiclass", (0, 3)), ("regression", (0,))])
def test_no_rows_get_no_scores(task, shape):
    """Nothing in, nothing out."""
    assert shape == answering(task).score(FRAME.iloc[:0]).shape


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_a_score_that_is_no_number_is_refused(task):
    """The sentence says how many rows, however many numbers each has, and where to look."""
    with pytest.raises(CannotRun, match=r"gives no number for 1 of 3 rows: see src/model/features.py"):
        answering(task).score(FRAME.assign(amount=[1.0, None, 2.0]))


def test_a_table_without_a_column_is_refused():
    """The sentence names the column."""
    with pytest.raises(CannotRun, match="the model reads column 'amount', which the table does not have"):
        model().score(FRAME.drop(columns="amount"))


def test_an_absent_file_says_the_fix(tmp_path):
    """The pipeline makes it."""
    with pytest.raises(CannotRun, match=r"model.onnx is not there: run `make train` first"):
        Model.read(tmp_path / "model.onnx")


@pytest.mark.parametrize(
    "data",
    [
        b"", b"not a model", model().data[:60], described(None), described("not JSON"), described('{"columns": []}'),
        described('{"columns": [], "threshold": 0.5}'),
    ],
    ids=["empty", "text", "half", "of another maker", "broken spec", "half a spec", "without a task"],
)  # fmt: skip
def test_a_file_that_is_no_model_of_this_template_is_refused(data):
    """The sentence names file, hash and fix, in one line."""
    with pytest.raises(CannotRun, match=r"^main's model \(sha256 [0-9a-f]{12}\) cannot be read .*: train it again$"):
        Model(data, "main's model")
