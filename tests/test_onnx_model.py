"""The model file: what can be read is read, and no answer is made up."""

import hashlib

import numpy as np
import onnx
import pandas as pd
import pytest

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


def test_a_row_alone_gets_the_score_it_has_among_others():
    """Sums keep their order: one thread, one row at a time or all."""
    alone = [float(model().score(FRAME.iloc[[row]])[0]) for row in range(3)]
    assert alone == model().score(FRAME).tolist()


def test_no_rows_get_no_scores():
    """Nothing in, nothing out."""
    assert (0,) == model().score(FRAME.iloc[:0]).shape


def test_a_score_that_is_no_number_is_refused():
    """The sentence says how many rows, and where to look."""
    with pytest.raises(CannotRun, match=r"gives no number for 1 of 3 rows: see src/model/features.py"):
        model().score(FRAME.assign(amount=[1.0, None, 2.0]))


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
    [b"", b"not a model", model().data[:60], described(None), described("not JSON"), described('{"columns": []}')],
    ids=["empty", "text", "half", "of another maker", "broken spec", "half a spec"],
)
def test_a_file_that_is_no_model_of_this_template_is_refused(data):
    """The sentence names file, hash and fix, in one line."""
    with pytest.raises(CannotRun, match=r"^main's model \(sha256 [0-9a-f]{12}\) cannot be read .*: train it again$"):
        Model(data, "main's model")
