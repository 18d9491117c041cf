"""What a pull request changes, found in real repositories."""

import hashlib
import json
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from judging import PARAMS, TABLE, holding
from mlops import files
from mlops.errors import CannotRun
from mlops.paths import LOCK, METRICS, PART
from mlops.report.changes import changes, psi

THIS = replace(holding(), metrics=holding().metrics | {"data_hash": "d" * 64})
WHO = ("-c", "user.name=Ann", "-c", "user.email=ann@example.com", "-c", "commit.gpgsign=false")


def git(*words: str) -> str:
    return subprocess.run(["git", *WHO, *words], check=True, capture_output=True, text=True).stdout.strip()


def commit() -> str:
    git("add", "--all")
    git("commit", "--quiet", "--message", "x")
    return git("rev-parse", "HEAD")


def written(path: str, text: str = "x\n") -> None:
    files.write_text(path, text)


@pytest.fixture
def main(tmp_path, monkeypatch) -> str:
    """The one commit of a repository that has params, a gate and a file of the owner's, and no model yet."""
    monkeypatch.chdir(tmp_path)
    git("init", "--quiet", "--initial-branch", "main")
    written("params.yaml", yaml.safe_dump(PARAMS))
    written("src/mlops/gates/slices.py", "strict = True\nlines = 1\nmore = 2\n")
    written("src/model/features.py")
    written(".gitignore", "/data/prepared/\n/.dvc/cache/\n")
    return commit()


def with_model(train: pd.DataFrame | None = None) -> str:
    """Main's metrics and lock, and its training rows in the cache, if any."""
    folder = Path(".dvc/cache/files/md5")

    def cached(data: bytes, end: str = "") -> str:
        md5 = hashlib.md5(data, usedforsecurity=False).hexdigest() + end
        (folder / md5[:2]).mkdir(parents=True, exist_ok=True)
        (folder / md5[:2] / md5[2:]).write_bytes(data)
        return md5

    out = {"path": "data/prepared", "md5": "0" * 32 + ".dir"}
    if train is not None:
        files.write_table("rows.parquet", train)
        listing = [{"md5": cached(Path("rows.parquet").read_bytes()), "relpath": "train.parquet"}]
        out["md5"] = cached(json.dumps(listing).encode(), ".dir")
        Path("rows.parquet").unlink()
    written(LOCK, yaml.safe_dump({"schema": "2.0", "stages": {"prepare": {"cmd": "x", "outs": [out]}}}))
    written(METRICS, json.dumps(holding().metrics | {"schema": 1}))
    return commit()


def people(amount: float) -> pd.DataFrame:
    return pd.DataFrame({"amount": amount + np.arange(1000.0)})


def test_a_tree_without_changes_has_none(main):
    """Nothing is listed, and main has no data to compare with."""
    found = changes(THIS, main)
    assert ([], [], []) == (found.params, found.files, found.protected)
    assert ["main has no data to compare with"] == found.data


def test_params_are_listed_with_both_values(main):
    """A changed, a new and a removed key, by their full names."""
    written(
        "params.yaml",
        yaml.safe_dump(PARAMS | {"train": PARAMS["train"] | {"estimator": "forest", "seed": 3}, "deepchecks": {}}),
    )
    expected = [
        ("deepchecks.gate", '["DataDuplicates"]', "-"),
        ("train.estimator", '"linear"', '"forest"'),
        ("deepchecks", "-", "{}"),
        ("train.seed", "-", "3"),
    ]
    assert expected == changes(THIS, main).params


@pytest.mark.parametrize(
    ("section", "change", "expected"),
    [
        ("train", {"estimator": "forest"}, []),
        ("data", {"options": {"rows": 1}}, []),
        ("search", {"runs": 20}, []),
        ("gates", {"max_degradation": 0.5}, ["params.yaml"]),
        ("split", {"salt": "other"}, ["params.yaml"]),
        ("reports", {"examples": True}, ["params.yaml"]),
    ],
)
def test_params_judge_where_more_than_the_model_differs(main, section, change, expected):
    """A change of model, search or data is what pull requests are for; any other key of params.yaml is named."""
    written("params.yaml", yaml.safe_dump(PARAMS | {section: PARAMS.get(section, {}) | change}))
    found = changes(THIS, main)
    assert (["params.yaml"], expected) == (found.files, found.protected)


def test_a_comment_in_params_judges_nothing(main):
    """No value differs, so none is named."""
    written("params.yaml", yaml.safe_dump(PARAMS) + "# a note\n")
    assert ([], []) == (changes(THIS, main).params, changes(THIS, main).protected)


def test_params_that_changed_on_main_since_are_not_the_pull_requests(main):
    """Values are compared with those from where the branch left main."""
    git("checkout", "--quiet", "-b", "branch")
    written("params.yaml", yaml.safe_dump(PARAMS | {"train": PARAMS["train"] | {"seed": 3}}))
    commit()
    git("checkout", "--quiet", "main")
    written("params.yaml", yaml.safe_dump(PARAMS | {"gates": {"max_degradation": 0.5}}))
    newer = commit()
    git("checkout", "--quiet", "branch")
    assert [("train.seed", "-", "3")] == changes(THIS, newer).params


def test_params_of_main_that_are_no_yaml_are_none(main):
    """What cannot be read has no values: all of this tree's are new."""
    written("params.yaml", "a: [\n")
    broken = commit()
    written("params.yaml", "train: {seed: 3}\n")
    assert [("train.seed", "-", "3")] == changes(THIS, broken).params


def contract(**columns) -> str:
    """The contract of the small world with some columns changed; None takes one out."""
    values = yaml.safe_load(TABLE)
    merged = {
        **values["columns"],
        **{name: values["columns"].get(name, {}) | (each or {}) for name, each in columns.items()},
    }
    kept = {name: column for name, column in merged.items() if columns.get(name, {}) is not None}
    return yaml.safe_dump(values | {"columns": kept}, sort_keys=False)


def test_inputs_and_keys_of_the_contract_are_listed(main):
    """An input that comes, one that goes, a range and the missing values that are allowed; a new column is one line."""
    written("data/contract.yaml", contract())
    base = commit()
    written(
        "data/contract.yaml",
        contract(amount={"feature": False}, city={"feature": True}, debt={"type": "number", "max": 9}, note=None),
    )
    found = changes(THIS, base)
    assert ["-amount", "+city", "+debt"] == found.inputs
    expected = [
        ("columns.note", "there", "-"),
        ("columns.debt", "-", "there"),
        ("columns.city.feature", "false", "true"),
        ("columns.amount.feature", "-", "false"),
    ]
    assert expected == found.contract


def test_ranges_protection_and_categories_are_listed(main):
    """Each by its full name, with both values."""
    written("data/contract.yaml", contract(amount={"max": 10}))
    base = commit()
    gender = {"protected": False, "feature": False, "categories": ["f", "m"]}
    written("data/contract.yaml", contract(amount={"max": 20, "nullable": 0.1}, gender=gender))
    found = changes(THIS, base)
    expected = {
        ("columns.amount.max", "10", "20"),
        ("columns.amount.nullable", "-", "0.1"),
        ("columns.gender.protected", "true", "false"),
        ("columns.gender.feature", "-", "false"),
        ("columns.gender.categories", '["f", "m", "x"]', '["f", "m"]'),
    }
    assert (expected, []) == (set(found.contract), found.inputs)


def test_a_contract_that_main_has_not_names_no_inputs(main):
    """Without both there is nothing to hold against each other, and every column is new."""
    written("data/contract.yaml", contract())
    found = changes(THIS, main)
    assert [] == found.inputs
    assert ("columns.amount", "-", "there") in found.contract


def test_files_are_those_since_main_whether_committed_or_not(main):
    """A committed, a changed, a new and a deleted file, but nothing that git ignores."""
    written("src/model/metrics.py")
    commit()
    written("src/model/features.py", "y\n")
    written("notes.md")
    written("data/prepared/train.parquet")
    Path("params.yaml").write_text("train: {}\n", encoding="utf-8")
    expected = ["notes.md", "params.yaml", "src/model/features.py", "src/model/metrics.py"]
    assert expected == changes(THIS, main).files


def test_what_happened_on_main_since_is_not_the_pull_requests(main):
    """Files are counted from where the branch left main."""
    git("checkout", "--quiet", "-b", "branch")
    written("src/model/metrics.py")
    commit()
    git("checkout", "--quiet", "main")
    written("src/mlops/gates/floor.py")
    newer = commit()
    git("checkout", "--quiet", "branch")
    assert ["src/model/metrics.py"] == changes(THIS, newer).files


def changed() -> None:
    written("src/mlops/gates/slices.py", "strict = False\n")


def added() -> None:
    written('src/mlops/gates/é "new".py')


def deleted() -> None:
    Path("src/mlops/gates/slices.py").unlink()


def moved() -> None:
    git("mv", "src/mlops/gates/slices.py", "src/model/slices.py")


@pytest.mark.parametrize("touch", [changed, added, deleted, moved])
@pytest.mark.parametrize("keep", [commit, lambda: None], ids=["committed", "not committed"])
def test_a_touched_gate_is_protected(main, touch, keep):
    """A gate that is changed, added under an odd name, deleted or moved away is seen."""
    touch()
    keep()
    (path,) = changes(THIS, main).protected
    assert path.startswith("src/mlops/gates/")


def test_the_owners_files_are_not_protected(main):
    """A change of features is no change of what judges."""
    written("src/model/features.py", "y\n")
    found = changes(THIS, main)
    assert (["src/model/features.py"], []) == (found.files, found.protected)


def test_refuses_where_git_cannot_say(main):
    """A commit that is not there is no tree without changes."""
    with pytest.raises(CannotRun, match="git diff"):
        changes(THIS, "0" * 40)


def test_data_are_compared_by_hash_window_and_rows(main):
    """Other data: both hashes, both windows, and rows of each part."""
    window, rows = {"start": "2024-02", "end": "2025-01"}, holding().metrics["rows"] | {"test": 2100}
    this = replace(THIS, metrics=THIS.metrics | {"window": window, "rows": rows})
    expected = [
        "data `cccccccccccc` -> `dddddddddddd`",
        "months 2024-01 to 2024-12 -> months 2024-02 to 2025-01",
        "rows train 6,000 -> 6,000, validation 1,500 -> 1,500, test 1,000 -> 2,100, holdout 500 -> 500",
    ]
    assert expected == changes(this, with_model()).data


def test_a_table_without_months_is_all_rows(main):
    """A window of null is said in words, beside main's."""
    this = replace(THIS, metrics=THIS.metrics | {"window": None})
    assert "months 2024-01 to 2024-12 -> all rows" == changes(this, with_model()).data[1]


def test_what_was_asked_another_question_has_no_data_to_compare_with(main):
    """Where main's model is no baseline, its rows are none either, though they are there."""
    found = changes(replace(THIS, baseline=None), with_model(people(0)))
    assert (["main has no data to compare with"], []) == (found.data, found.drift)


def test_the_same_data_are_one_line(main):
    """Equal hash and equal parts are said once."""
    found = changes(holding(), with_model())
    assert (["the same data, `cccccccccccc`, in the same parts"], []) == (found.data, found.drift)


@pytest.mark.parametrize(
    ("split", "rows"),
    [({"salt": "other"}, {}), ({}, {"train": 6001, "test": 999})],
    ids=["another salt", "other counts"],
)
def test_the_same_data_in_other_parts_are_said_so(main, split, rows):
    """No arrow between equal hashes; the data did not drift, and none is called unmeasured."""
    base = with_model()
    written("params.yaml", yaml.safe_dump(PARAMS | {"split": PARAMS["split"] | split}))
    this = replace(holding(), metrics=holding().metrics | {"rows": holding().metrics["rows"] | rows})
    found = changes(this, base)
    first, second = found.data
    assert "the same data, `cccccccccccc`, in other parts" == first
    assert second.startswith("rows train 6,000 -> ")
    assert [] == found.drift


def test_drift_is_measured_on_the_training_rows(main):
    """Main's training rows from the cache against this tree's: one feature moved by its whole range."""
    base = with_model(people(0))
    files.write_table(PART.format("train"), people(1000))
    ((name, value),) = changes(THIS, base).drift
    assert "amount" == name
    assert value > 1


def test_no_drift_is_told_where_mains_rows_are_in_no_cache(main):
    """What cannot be read is not called drift-free: there is no figure."""
    assert changes(THIS, with_model()).drift is None


def test_psi_of_equal_columns_is_nought():
    """The same values in the same shares."""
    assert 0 == psi(np.arange(1000.0), np.arange(1000.0))


def test_psi_is_that_of_siddiqi():
    """Two categories, shares 0.5 and 0.5 to 0.2 and 0.8; the third has half a row in both and adds next to nothing."""
    main, this = np.repeat([0.0, 1.0], [500, 500]), np.repeat([0.0, 1.0], [200, 800])
    expected = (0.2 - 0.5) * np.log(0.2 / 0.5) + (0.8 - 0.5) * np.log(0.8 / 0.5)
    assert pytest.approx(expected, abs=1e-3) == psi(main, this, codes=2)


def test_psi_sees_missing_values():
    """A column that turns empty drifts."""
    main = np.arange(1000.0)
    assert psi(main, np.where(np.arange(1000) % 2, main, np.nan)) > 0.5
