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

from judging import PARAMS, holding
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
        yaml.safe_dump(PARAMS | {"train": {"estimator": "gradient_boosting", "seed": 3}, "deepchecks": {}}),
    )
    expected = [
        ("deepchecks.gate", '["DataDuplicates"]', "-"),
        ("train.estimator", '"logistic"', '"gradient_boosting"'),
        ("deepchecks", "-", "{}"),
        ("train.seed", "-", "3"),
    ]
    assert expected == changes(THIS, main).params


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


def test_the_same_data_are_one_line(main):
    """Equal hash and equal parts are said once."""
    found = changes(holding(), with_model())
    assert (["the same data, `cccccccccccc`, in the same parts"], []) == (found.data, found.drift)


def test_drift_is_measured_on_the_training_rows(main):
    """Main's training rows from the cache against this tree's: one feature moved by its whole range."""
    base = with_model(people(0))
    files.write_table(PART.format("train"), people(1000))
    ((name, value),) = changes(THIS, base).drift
    assert "amount" == name
    assert value > 1


def test_no_drift_is_told_where_mains_rows_are_in_no_cache(main):
    """What cannot be read is not called drift-free: there is no figure."""
    assert [] == changes(THIS, with_model()).drift


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
