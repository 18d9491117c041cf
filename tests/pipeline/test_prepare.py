"""Stage `prepare`: parts that stay for ever, and a target that can be learned from."""

import numpy as np
import pandas as pd
import pytest

from mlops.errors import CannotRun
from mlops.pipeline import prepare
from mlops.pipeline.prepare import check_target
from mlops.split import PARTS, assign
from tables import applications


def ids(parts, name) -> set[str]:
    """The ids of one part."""
    return set(parts[name]["application_id"])


def everyone(parts) -> list[str]:
    """The ids of all parts, one behind the other."""
    return [value for name in PARTS for value in parts[name]["application_id"]]


def test_parts_are_disjoint_and_every_settled_row_is_in_one(folder):
    """With no label delay each row is in exactly one part."""
    rows = applications()
    parts = folder.set_params({"split.label_delay_days": 0}).raw(rows).run("prepare").parts()
    assert sorted(rows["application_id"]) == sorted(everyone(parts))


def test_shares_are_near_the_per_cents(folder):
    """Of 3,000 rows each part has its share within three points."""
    parts = folder.set_params({"split.label_delay_days": 0}).raw(applications(3000)).run("prepare").parts()
    shares = {name: len(part) / 30 for name, part in parts.items()}
    assert pytest.approx({"train": 60, "validation": 15, "test": 20, "holdout": 5}, abs=3) == shares


def test_a_row_stays_in_its_part_when_the_window_grows(folder):
    """Rows that come later move nobody: what was tested on is never trained on."""
    before = folder.raw(applications(900)).run("prepare").parts()
    after = folder.raw(applications(1500)).run("prepare").parts()
    assert all(ids(before, name) < ids(after, name) for name in PARTS)


def test_another_salt_is_another_split(folder):
    """The word in params.yaml decides."""
    before = folder.raw(applications()).run("prepare").parts()
    after = folder.set_params({"split.salt": "loans-2"}).run("prepare").parts()
    assert ids(before, "train") & ids(after, "test")


def test_rows_keep_their_columns_and_order(folder):
    """A part is a cut of the raw table."""
    rows = applications()
    parts = folder.raw(rows).run("prepare").parts()
    expected = rows[rows["application_id"].isin(ids(parts, "test"))].reset_index(drop=True)
    pd.testing.assert_frame_equal(expected, parts["test"])


def test_equal_tables_give_equal_bytes(folder):
    """A second run writes the same files."""
    folder.raw(applications()).run("prepare")
    first = {path.name: path.read_bytes() for path in folder.path.glob("data/prepared/*")}
    folder.run("prepare")
    assert first == {path.name: path.read_bytes() for path in folder.path.glob("data/prepared/*")}
    assert {f"{name}.parquet" for name in PARTS} == set(first)


def test_rows_younger_than_the_label_delay_take_no_part(folder):
    """The newest row sets the clock; a row on the last settled day counts."""
    rows = applications()
    parts = folder.set_params({"split.label_delay_days": 45}).raw(rows).run("prepare").parts()
    settled = rows["applied_at"].max() - pd.Timedelta(days=45)
    assert set(rows.loc[rows["applied_at"] <= settled, "application_id"]) == set(everyone(parts))


def test_a_split_by_time_tests_only_what_came_later(folder):
    """No test row before the cut, no other row from it on."""
    folder.set_params({"split.by": "time", "split.cut": "2024-03", "split.label_delay_days": 0})
    parts = folder.raw(applications()).run("prepare").parts()
    cut = pd.Timestamp("2024-03-01")
    assert cut <= parts["test"]["applied_at"].min()
    assert all(parts[name]["applied_at"].max() < cut for name in PARTS if name != "test")
    assert all(len(part) for part in parts.values())


def test_a_split_by_time_keeps_the_parts_of_the_hash(folder):
    """Time only takes rows out: whoever is in a part is there without the cut, too."""
    by_hash = folder.raw(applications()).run("prepare").parts()
    by_time = folder.set_params({"split.by": "time", "split.cut": "2024-03"}).run("prepare").parts()
    assert all(ids(by_time, name) < ids(by_hash, name) for name in PARTS)


def test_refuses_a_split_by_time_without_a_time_column(folder):
    """A contract that names no time cannot be cut by it."""
    folder.set_contract({"time": None}).set_params({"split.by": "time", "split.cut": "2024-03"}).raw(applications(300))
    with pytest.raises(
        CannotRun, match=r"^params.yaml: split.by is time, but data/contract.yaml names no `time` column"
    ):
        prepare.run(None)


def test_a_table_without_a_time_column_is_split_by_id(folder):
    """No time, no label delay: every row takes part."""
    rows = applications()
    parts = folder.set_contract({"time": None}).raw(rows).run("prepare").parts()
    assert len(rows) == len(everyone(parts))


@pytest.mark.parametrize("of", [{}, {"id": None}], ids=["with an id", "without one"])
def test_rows_of_one_group_are_in_one_part(folder, of):
    """Whatever their ids: nobody is asked about in the test whom the model has met in training."""
    rows = applications(person=[f"p{number // 4}" for number in range(1200)])
    folder.set_contract({"group": "person", "columns.person": {"type": "text"}, **of})
    parts = folder.raw(rows).run("prepare").parts()
    people = [set(parts[name]["person"]) for name in PARTS]
    assert all(people)
    assert len(set.union(*people)) == sum(map(len, people))


def test_refuses_a_row_without_its_group(folder):
    """The sentence names the column; all such rows would be one group."""
    people = [None, *(f"p{number // 4}" for number in range(1199))]
    folder.set_contract({"group": "person", "columns.person": {"type": "text", "nullable": True}})
    folder.raw(applications(person=people))
    with pytest.raises(CannotRun, match=r"^1 of 1200 rows have no 'person', whose hash says which part of the split"):
        prepare.run(None)


def test_no_holdout_is_no_fault(folder):
    """A split of three parts leaves the fourth file empty."""
    parts = folder.set_params({"split.train": 65, "split.holdout": 0}).raw(applications()).run("prepare").parts()
    assert 0 == len(parts["holdout"])


def test_refuses_a_target_with_gaps(folder):
    """Unlabelled rows are counted, and the two ways out are named."""
    rows = applications().astype({"default": float})
    train = folder.set_params({"split.label_delay_days": 0}).raw(rows).run("prepare").parts()["train"]
    rows.loc[rows["application_id"].isin(train["application_id"][:7]), "default"] = np.nan
    folder.raw(rows)
    expected = (
        "^target 'default' is missing in 7 of the train rows: leave unlabelled rows out in src/model/source.py, "
        "or raise `split.label_delay_days` in params.yaml$"
    )
    with pytest.raises(CannotRun, match=expected):
        prepare.run(None)


def test_refuses_a_target_of_one_class(folder):
    """A constant target teaches nothing; the sentence shows it beside the contract's positive value."""
    folder.raw(applications(default=0))
    with pytest.raises(CannotRun, match=r"one class only among the \d+ train rows \(0; positive is 1\): widen"):
        prepare.run(None)


def test_refuses_a_positive_value_that_no_row_has(folder):
    """A contract that says 'yes' about a target of 0 and 1 is found out here."""
    folder.set_contract({"positive": "yes"}).raw(applications())
    with pytest.raises(CannotRun, match=r"positive is yes.*, or correct `target` or `positive` in data/contract.yaml$"):
        prepare.run(None)


@pytest.mark.parametrize("part", ["validation", "test"])
def test_refuses_one_class_in_one_part(folder, part):
    """Each part that is fitted or judged needs both classes, and the sentence names the part."""
    rows = applications()
    where = assign(rows, folder.table, folder.knobs.split) == part
    folder.raw(rows.assign(default=rows["default"].where(~where, 1)))
    with pytest.raises(CannotRun, match=rf"one class only among the {where.sum()} {part} rows \(1; positive is 1\)"):
        prepare.run(None)


def test_refuses_a_part_without_rows(folder):
    """A cut after the newest row leaves nothing to test."""
    folder.set_params({"split.by": "time", "split.cut": "2025-01"}).raw(applications())
    with pytest.raises(CannotRun, match=r"one class only among the 0 test rows \(nothing; positive is 1\)"):
        prepare.run(None)


def test_the_holdout_may_have_one_class(folder):
    """The holdout is too small to ask for both classes."""
    rows = applications()
    where = assign(rows, folder.table, folder.knobs.split) == "holdout"
    parts = folder.raw(rows.assign(default=rows["default"].where(~where, 0))).run("prepare").parts()
    assert {0} == set(parts["holdout"]["default"])


@pytest.mark.parametrize(("positive", "values"), [(1, [0, 1]), ("yes", ["no", "yes"]), (True, [False, True])])
def test_accepts_a_target_of_two_classes(folder, positive, values):
    """Numbers, words and truth values are targets alike."""
    table = folder.set_contract({"positive": positive}).table
    assert check_target(pd.Series(values), table, "train") is None


@pytest.mark.parametrize("classes", [["rent", "own", "mortgage"], ["rent", "own"]])
def test_accepts_a_target_of_several_classes(folder, classes):
    """A part may lack a class; which must be there, the stage `train` says."""
    assert check_target(pd.Series(classes), folder.ask("multiclass").table, "test") is None


@pytest.mark.parametrize("values", [[1, 2], [0.5, 0.25], [1e9, -1e9]])
def test_accepts_a_target_of_numbers(folder, values):
    """Of any size."""
    assert check_target(pd.Series(values), folder.ask("regression").table, "train") is None


@pytest.mark.parametrize(
    ("task", "values", "said"),
    [
        (
            "multiclass",
            ["rent"] * 4,
            r"one class only among the 4 train rows \(rent\): widen `data.window` in params.yaml",
        ),
        ("regression", [2.5] * 4, r"one value only among the 4 train rows \(2.5\): widen `data.window` in params.yaml"),
        (
            "multiclass",
            ["rent", "own", "boat", "tent"],
            "is no class of data/contract.yaml in 2 of the train rows: add the",
        ),
        ("multiclass", ["rent", "own", None, None], "is missing in 2 of the train rows: leave unlabelled rows out"),
        ("regression", [1.0, 2.0, None, 3.0], "is missing in 1 of the train rows: leave unlabelled rows out"),
    ],
    ids=["one class", "one number", "unnamed classes", "a class that is missing", "a number that is missing"],
)
def test_refuses_a_target_that_its_task_cannot_learn(folder, task, values, said):
    """The sentence names the target, the rows and the fix, and nothing of two classes."""
    table = folder.ask(task).table
    with pytest.raises(CannotRun, match=rf"^target '{table.target}' .*{said}") as refused:
        check_target(pd.Series(values), table, "train")
    assert "positive" not in str(refused.value)


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_parts_do_not_depend_on_the_question(folder, task):
    """The same rows are tested on, whatever is asked about them."""
    before = folder.raw(applications()).run("prepare").parts()
    after = folder.ask(task).run("prepare").parts()
    assert {name: ids(before, name) for name in PARTS} == {name: ids(after, name) for name in PARTS}
