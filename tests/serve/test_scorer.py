"""A scorer knows what its contract says of a row beyond its types."""

import msgspec
import pytest
from msgspec.structs import astuple

from mlops.errors import CannotRun
from mlops.onnx_model import Model
from mlops.serve.scorer import Scorer, fits


def held(scorer, **changes):
    """The example as a row, with other values."""
    return msgspec.convert(scorer.example | changes, scorer.rows.row)


def lists(scorer, **changes):
    """The columns of two rows of the example, with other values."""
    two = {name: [value] * 2 for name, value in scorer.example.items()} | changes
    return scorer.rows.values(msgspec.convert(two, scorer.rows.lists))


def test_a_rule_that_only_warns_is_found_in_a_row(scorer):
    """Out of range or no category where the severity is warning, and in what the model does not read."""
    assert [] == scorer().warnings(astuple(held(scorer())))
    assert ["years_employed", "gender"] == scorer().warnings(astuple(held(scorer(), years_employed=75, gender="robot")))


def test_a_rule_that_only_warns_is_counted_in_a_batch(scorer):
    """A row that breaks it, each."""
    assert {} == scorer().warned(lists(scorer()))
    assert {"years_employed": 1, "gender": 2} == scorer().warned(
        lists(scorer(), years_employed=[75, 7], gender=["x", "y"])
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"positive": 0}, "trained on positive '1', the contract says '0'"),
        ({"table": "leases"}, "trained on table 'loans', the contract says 'leases'"),
        ({"columns": {"purpose": {"categories": ["home", "car"]}}}, "column 'purpose' has categories"),
        ({"columns": {"age": {"type": "number"}}}, "column 'age' has type number in the contract"),
        ({"columns": {"age": {"feature": False}}}, "the model has column 'age' as an input, the contract has not"),
        (
            {"columns": {"postcode": {"type": "number", "feature": True}}},
            "the contract has column 'postcode' as an input",
        ),
    ],
)
def test_a_contract_that_the_model_was_not_trained_on_is_refused(scorer, changes, said):
    """Its answers would mean something else."""
    table = scorer().table
    columns = {name: table.columns[name].model_copy(update=each) for name, each in changes.get("columns", {}).items()}
    changed = table.model_copy(update=changes | {"columns": table.columns | columns})
    with pytest.raises(CannotRun, match=said):
        Scorer(scorer().model, changed, 10)


def test_protected_columns_are_logged_only_where_the_contract_says_so(answered):
    """`logged: true`; id and time are kept, to join outcomes."""
    folder = answered("binary")
    model = Model.read(folder.path / "models/model.onnx")
    plain = Scorer(model, folder.table, 10).logged
    assert {"application_id", "applied_at", "income", "postcode"} <= set(plain)
    assert not {"gender", "race", "default"} & set(plain)
    columns = folder.table.columns | {"gender": folder.table.columns["gender"].model_copy(update={"logged": True})}
    assert "gender" in Scorer(model, folder.table.model_copy(update={"columns": columns}), 10).logged


def test_lists_have_lengths(scorer):
    """Of the columns that were given."""
    assert {"age": 2, "gender": 1} == {
        name: size
        for name, size in scorer().lengths(lists(scorer(), gender=["x"])).items()
        if name in ("age", "gender")
    }
    assert "race" not in scorer().lengths(lists(scorer()))


def test_a_warm_model_scores_as_before(scorer):
    """Warming changes nothing."""
    made = scorer()
    before = made.score(made.one(held(made)))
    made.warm()
    assert before == made.score(made.one(held(made)))


@pytest.mark.parametrize(
    ("value", "kind", "expected"), [(1, float, True), ("1", float, False), (None, float | None, True)]
)
def test_a_value_fits_its_type_or_not(value, kind, expected):
    """Without conversion of texts."""
    assert expected == fits(value, kind)
