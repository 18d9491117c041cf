"""What a person sees who brings a table of their own: `mlops adopt` in a real copy, the real verdict, and a tree left alone where it cannot be."""

import argparse
import json
import os
import shutil
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from functools import cache
from hashlib import blake2b
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from copies import Copy, copy, failed
from mlops import config
from mlops.adopt import adopt, room
from mlops.contract import Contract
from mlops.errors import CannotRun
from mlops.files import write_text
from mlops.params import Params, Split
from mlops.paths import OWNERS
from mlops.split import parts
from other_tables import CASES, answers_and_ids, csv

slow = pytest.mark.slow
EVERY = pytest.mark.parametrize("name", CASES)


def words(*given: str):
    """The command line, parsed."""
    parser = argparse.ArgumentParser()
    adopt.add_arguments(parser)
    return parser.parse_args(given)


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("churn.csv", "churn"),
        ("Churn 2024 (1).csv.gz", "churn-2024--1"),
        ("folder/données.parquet", "données"),
        (".csv", "table"),
        ("loans.csv", "your-loans"),
    ],
)
def test_a_table_is_called_as_its_file(file, name):
    """In letters and digits; never as the sample, whose model would be its main."""
    assert name == adopt._called(Path(file), "y")


@pytest.mark.parametrize(("target", "name"), [("y", "others"), ("z", "others-2024-06")])
def test_a_newer_file_of_an_adopted_table_keeps_its_name(planned, monkeypatch, tmp_path, target, name):
    """So that rows stay in their parts, and main's model answers the same question; another target is another question."""
    made = planned({"x": [f"{row}.5" for row in range(200)], "y": [0, 1] * 100})
    made.contract["table"] = "others"
    monkeypatch.chdir(tmp_path)
    write_text("data/contract.yaml", adopt.files.contract(made, ""))
    assert name == adopt._called(Path("others-2024-06.csv"), target)


def test_words_are_taken_as_columns_are_called():
    """Names with single blanks, protected ones once; the positive value as it stands."""
    asked = adopt._asked(
        words("--data", "a.csv", "--target", " my\ntarget ", "--protected", "a, b,a,", "--positive", " x")
    )
    assert ("my target", ("a", "b"), " x", None) == (asked.target, asked.protected, asked.positive, asked.time)


@cache
def _adopted(name: str, folder: Path) -> tuple[Copy, subprocess.CompletedProcess]:
    made, case = copy(folder / "copy"), CASES[name]
    file = folder / case.name
    file.write_bytes(case.content())
    return made, made.mlops("adopt", "--data", str(file), *case.words)


@pytest.fixture(scope="module")
def adopted(tmp_path_factory):
    """A function: case -> the copy that adopted it, and what it printed; tests read it, and change only copies."""
    folders = {name: tmp_path_factory.mktemp(f"case{place}") for place, name in enumerate(CASES)}
    return lambda name: _adopted(name, folders[name])


def verdict(made: Copy) -> dict:
    """reports/verdict.json of a copy."""
    return json.loads((made.path / "reports/verdict.json").read_text(encoding="utf-8"))


def changed(made: Copy) -> set[str]:
    """The files that git says have changed, new ones and gone ones too."""
    made.git("add", "-A", "--intent-to-add")
    return set(made.git("diff", "--name-only", "HEAD").splitlines())


def contract_of(made: Copy) -> Contract:
    """The contract of a copy."""
    return config.parse((made.path / "data/contract.yaml").read_text(encoding="utf-8"), Contract, "data/contract.yaml")


@slow
@EVERY
def test_a_table_is_adopted_and_judged(adopted, name):
    """Exit 0, and a verdict that is green, or rightly red."""
    made, done = adopted(name)
    assert 0 == done.returncode, done.stdout + done.stderr
    found, case = verdict(made), CASES[name]
    assert (case.red, "fail" if case.red else "pass") == (failed(found), found["verdict"]), done.stdout
    assert "" == done.stderr


@slow
@EVERY
def test_the_contract_says_what_the_table_is(adopted, name):
    """Its task, and what the model may read; the kept table is Parquet with these columns."""
    made, _ = adopted(name)
    contract, case = contract_of(made), CASES[name]
    assert (case.task, case.features) == (contract.task, tuple(contract.features))
    assert list(contract.columns) == pq.read_schema(made.path / "data/table.parquet").names


@slow
@EVERY
def test_what_was_decided_is_printed(adopted, name):
    """A line a column, and the list of what a person must decide: no more than that."""
    made, done = adopted(name)
    assert [] == [sentence for sentence in CASES[name].said if sentence not in done.stdout]
    listed = done.stdout.partition("a person must decide:\n")[2].split("\n\n")[0].splitlines()
    assert len(CASES[name].decide) == len(listed), listed
    assert [] == [sentence for sentence in CASES[name].decide if not any(sentence in line for line in listed)]
    assert ("no TIME, so there are no months to watch" in done.stdout) == (contract_of(made).time is None)
    assert "adopt: done. Look at `git diff`, then commit: `git add -A " in done.stdout


@slow
@EVERY
def test_only_the_owners_room_changes(adopted, name):
    """The sample is gone, the table is there, and no file of the template's room has changed."""
    made, _ = adopted(name)
    names = changed(made)
    assert {"data/contract.yaml", "data/table.parquet", "params.yaml", "src/model/sample.py"} <= names
    assert set() == {each for each in names if not each.startswith(OWNERS)}
    assert [] == [each for each in adopt.SAMPLE if (made.path / each).exists()]


@slow
@EVERY
def test_the_params_keep_their_comments(adopted, name):
    """Every one, in its order; and the values can be read."""
    made, _ = adopted(name)
    old, new = made.git("show", "HEAD:params.yaml"), (made.path / "params.yaml").read_text(encoding="utf-8")
    comments = [[line.strip() for line in text.splitlines() if "#" in line] for text in (old, new)]
    assert comments[0] == comments[1]
    assert "data/table.parquet" == config.parse(new, Params, "params.yaml").data.options["path"]


@slow
@EVERY
def test_the_same_contract_is_written_wherever_it_is_adopted(adopted, name, tmp_path, monkeypatch):
    """In another copy, from the same file: the same table, byte for byte, and the same contract and params."""
    made, _ = adopted(name)
    other = copy(tmp_path / "other")
    monkeypatch.chdir(other.path)
    case = CASES[name]
    file = tmp_path / case.name
    file.write_bytes(case.content())
    asked = words("--data", str(file), *case.words)
    with adopt.opened(file, adopt._asked(asked).target) as (rows, _):
        plan = adopt.plan(rows, adopt._asked(asked), adopt._called(file, asked.target))
    adopt._hide_suspects(plan)
    adopt._write(plan)
    for each in ("data/table.parquet", "data/contract.yaml", "dvc.yaml", "src/model/source.py", "src/model/metrics.py"):
        assert (made.path / each).read_bytes() == (other.path / each).read_bytes(), each


@pytest.fixture
def committed(adopted, tmp_path):
    """A copy of the first case whose adoption is main."""
    made, _ = adopted("answers and ids")
    shutil.copytree(made.path, tmp_path / "copy", symlinks=True)
    other = replace(made, path=tmp_path / "copy")
    other.git("add", "-A")
    other.git("commit", "-q", "-m", "Adopt")
    return replace(other, main=other.git("rev-parse", "HEAD"))


@slow
def test_adopting_the_same_file_again_changes_nothing(committed, tmp_path):
    """Not one byte; the verdict compares main with itself."""
    file = tmp_path / "others.csv"
    file.write_bytes(answers_and_ids())
    done = committed.mlops("adopt", "--data", str(file), "--target", "churned")
    assert (0, "") == (done.returncode, committed.git("status", "--porcelain")), done.stdout + done.stderr
    assert ("pass", "committed") == (verdict(committed)["verdict"], verdict(committed)["baseline"]["how"])


@slow
def test_adopting_again_keeps_what_the_owner_wrote_since_then(committed, tmp_path):
    """Tests of behaviour and metrics of one's own are no longer the sample's."""
    own = {
        "tests/model/test_invariance.py": "",
        "src/model/metrics.py": committed.path.joinpath("src/model/metrics.py").read_text() + "# mine\n",
    }
    for name, text in own.items():
        (committed.path / name).parent.mkdir(exist_ok=True)
        (committed.path / name).write_text(text, encoding="utf-8")
    committed.git("add", "-A")
    committed.git("commit", "-q", "-m", "Tests and metrics of our own")
    file = tmp_path / "others.csv"
    file.write_bytes(answers_and_ids(700))
    done = committed.mlops("adopt", "--data", str(file), "--target", "churned")
    assert 0 == done.returncode, done.stdout + done.stderr
    assert list(own.values()) == [(committed.path / name).read_text(encoding="utf-8") for name in own]
    assert "data/table.parquet" in changed(committed)


@slow
def test_a_pull_request_after_it_is_compared_with_the_adopted_main(committed):
    """A changed knob of the training is judged against main's own bytes."""
    committed.edit("params.yaml", "calibration: sigmoid", "calibration: none")
    found = committed.verdict()
    assert ("rescored", committed.main) == (found["baseline"]["how"], found["baseline"]["commit"])
    assert found["verdict"] in ("pass", "fail")
    assert 0 < found["rows_compared"]


@slow
def test_the_templates_own_tests_pass_in_an_adopted_copy(committed):
    """They run on the sample of tests/sample, whatever the owner's room holds; ruff is clean in it."""
    tests = ("tests/test_contract.py", "tests/pipeline/test_prepare.py", "tests/test_lock.py")
    there = os.environ | {"PYTHONPATH": str(committed.path / "src")}
    for command in (["pytest", "-q", *tests], ["ruff", "check", "."], ["ruff", "format", "--check", "."]):
        done = subprocess.run(
            [sys.executable, "-m", *command], cwd=committed.path, env=there, capture_output=True, text=True
        )
        assert 0 == done.returncode, done.stdout[-2000:] + done.stderr


@pytest.fixture(scope="module")
def untouched(tmp_path_factory):
    """A copy in which every adoption fails: each test checks that it was left alone."""
    return copy(tmp_path_factory.mktemp("untouched"))


def refused(made: Copy, file: Path, *more: str, **env: str) -> str:
    """The one sentence with which an adoption is refused; the tree is as it was, git says."""
    names = [name for name in made.git("ls-files").splitlines() if (made.path / name).is_file()]
    before = {name: (made.path / name).read_bytes() for name in names}
    done = made.mlops("adopt", "--data", str(file), *more, **env)
    assert 2 == done.returncode, done.stdout + done.stderr
    assert "" == made.git("status", "--porcelain", "--untracked-files=all")
    assert before == {name: (made.path / name).read_bytes() for name in names}
    (sentence,) = done.stderr.splitlines()
    assert sentence.startswith("mlops adopt: ")
    return sentence.removeprefix("mlops adopt: ")


def rules(salt: str) -> Split:
    """The shares of the parts."""
    return Split.model_validate({"salt": salt})


def held_back(salt: str) -> int:
    """A group whose rows are test rows."""
    keys = [blake2b(str(value).encode(), digest_size=8).hexdigest() for value in range(100)]
    return parts(np.array(keys), rules(salt)).tolist().index("test")


def few(rows: int = 300, **columns) -> bytes:
    """A small table with `x` and `y`, and other columns."""
    return csv({"x": [f"{row * 37 % 101}.5" for row in range(rows)], "y": [row % 2 for row in range(rows)], **columns})


BAD = {
    "a wrong target": (few(), ("--target", "yy"), "TARGET is 'yy', which is no column of the table; did you mean 'y'?"),
    "60 classes": (few(y=[f"c{row % 60}" for row in range(300)]), (), "60 different values, 50 classes are the most"),
    "one value": (few(y=[1] * 300), (), "target 'y' has the same value in every row"),
    "an empty file": (b"", (), "an empty file"),
    "12 rows": (few(12), (), "the table has 12 rows"),
    "a target without a value": (few(y=[""] * 300), (), "the table has 0 rows with a value of 'y'"),
    "two columns of one name": (few().replace(b"x,y", b"y,y"), (), "has 2 columns called 'y'"),
    "dates in the future": (
        few(t=["2999-01-01"] * 299 + ["2024-01-01"]),
        ("--time", "t"),
        "later than today in 299 rows",
    ),
    "nothing but a leak": (
        few(x=[row % 2 * 3 for row in range(300)]),
        (),
        "every column that a model could read tells the target",
    ),
    "two positives": (few(y=[int(row < 2) for row in range(300)]), (), "fall into the part "),
    "a class that is not trained on": (
        few(y=["a", "b", "c"] * 98 + ["rare"] * 6, k=[*range(1000, 1294), *[held_back("others-1")] * 6]),
        ("--group", "k"),
        "class 'rare' of 'y' has no row among the ",
    ),
    "a protected name": (few(p=[f"name {row}" for row in range(300)]), ("--protected", "p"), "PROTECTED names 'p'"),
    "too many fields": (few() + b"1,2,3\n", (), "are there lines with more fields than the header"),
    "an archive": (b"PK\x03\x04" + bytes(100), (), "an archive or spreadsheet"),
}


@slow
@pytest.mark.parametrize("kind", BAD)
def test_bad_input_is_one_sentence_and_the_tree_stays(untouched, tmp_path, kind):
    """Exit 2; all or nothing."""
    content, more, why = BAD[kind]
    file = tmp_path / "others.csv"
    file.write_bytes(content)
    assert why in refused(untouched, file, *(() if "--target" in more else ("--target", "y")), *more)


@slow
def test_a_path_that_is_no_file_is_one_sentence(untouched, tmp_path):
    """A folder, a missing file, nested Parquet."""
    assert "a folder" in refused(untouched, tmp_path, "--target", "y")
    assert "is not there" in refused(untouched, tmp_path / "none.csv", "--target", "y")
    pq.write_table(pa.table({"x": [[1, 2]], "y": [1]}), tmp_path / "nested.parquet")
    assert "column 'x'" in refused(untouched, tmp_path / "nested.parquet", "--target", "y")


@slow
def test_changes_in_no_commit_are_not_lost(untouched, tmp_path):
    """Adopt replaces files, so it refuses while one of them has changes, and a file of its own beside them."""
    file = tmp_path / "others.csv"
    file.write_bytes(few())
    untouched.edit("params.yaml", "seed: 0", "seed: 7")
    done = untouched.mlops("adopt", "--data", str(file), "--target", "y")
    untouched.git("checkout", "-q", "params.yaml")
    assert (
        2,
        "mlops adopt: there are changes that are in no commit (params.yaml): so that nothing is lost, commit them, or put them aside with `git stash --include-untracked`\n",
    ) == (done.returncode, done.stderr)
    inside = untouched.path / "data/mine.csv"
    inside.write_bytes(few())
    done = untouched.mlops("adopt", "--data", "data/mine.csv", "--target", "y")
    assert few() == inside.read_bytes()
    inside.unlink()
    assert (2, True) == (done.returncode, "put it outside data/, src/model/ and tests/model/" in done.stderr)


@slow
def test_a_training_that_fails_leaves_the_tree_as_it_was(tmp_path):
    """The owner's own code stops the pipeline: its sentence is the reason, and every file is back."""
    made = copy(tmp_path / "copy")
    made.edit(
        "src/model/features.py",
        "    # a column without any value stays",
        "    raise ValueError('no features today')\n    # a column without any value stays",
    )
    made.git("commit", "-q", "-a", "-m", "a bug")
    file = tmp_path / "others.csv"
    file.write_bytes(few())
    sentence = refused(made, file, "--target", "y")
    assert sentence.startswith("the table was read and no model could be made of it: stage train stopped: ")
    assert sentence.endswith("every file is as it was")


@slow
def test_a_table_too_large_for_git_goes_to_the_store(tmp_path, monkeypatch):
    """Without DVC_REMOTE_URL it is refused and nothing changes; with one DVC keeps it, and git its address."""
    made = copy(tmp_path / "copy")
    file = tmp_path / "large.parquet"
    rng = np.random.default_rng(0)
    pq.write_table(
        pa.table({f"x{place}": rng.random(270_000) for place in range(10)} | {"y": rng.integers(0, 2, 270_000)}), file
    )
    assert "MB as Parquet, and git keeps 20: set DVC_REMOTE_URL to a store" in refused(made, file, "--target", "y")
    monkeypatch.chdir(made.path)
    monkeypatch.setenv("DVC_REMOTE_URL", str(tmp_path / "store"))
    with adopt.opened(file, "y") as (rows, _):
        plan = adopt.plan(rows, adopt._asked(words("--data", str(file), "--target", "y")), "large")
    with suppress(RuntimeError), room.all_or_nothing():
        adopt._write(plan)
        assert {"data/table.parquet.dvc", "data/.gitignore"} <= changed(made)
        assert "data/table.parquet" not in changed(made)
        pointer = yaml.safe_load(Path("data/table.parquet.dvc").read_text(encoding="utf-8"))["outs"][0]
        stored = tmp_path / "store/files/md5" / pointer["md5"][:2] / pointer["md5"][2:]
        assert Path("data/table.parquet").read_bytes() == stored.read_bytes()
        raise RuntimeError("stop")
    assert "" == made.git("status", "--porcelain", "--untracked-files=all")
    assert not Path("data/table.parquet").exists()
    adopt._write(plan)
    made.git("add", "-A")
    made.git("commit", "-q", "-m", "adopted")
    before = Path("data/table.parquet").read_bytes()
    with suppress(RuntimeError), room.all_or_nothing():
        Path("data/table.parquet").write_bytes(b"another table")
        raise RuntimeError("stop")
    assert before == Path("data/table.parquet").read_bytes()


def test_every_class_is_looked_at_for_a_leak(planned):
    """Eight rows of a rare one, of 20,000: all are in the sample, beside as many others as there is room for; a copy is found."""
    y = ["rare" if row % 2500 == 0 else "often" for row in range(20_000)]
    made = planned(
        {"x": [f"{row * 37 % 10_007}.5" for row in range(20_000)], "copy": [int(each == "rare") for each in y], "y": y}
    )
    table = config.parse(adopt.files.contract(made, ""), Contract, "contract")
    sample = adopt._some_of_each(made, table)
    assert (8, 10_000) == (int((sample["y"] == "rare").sum()), int((sample["y"] == "often").sum()))
    adopt._hide_suspects(made)
    assert ["x"] == made.features


def test_what_cannot_be_split_is_refused_before_anything_is_written(planned):
    """A part without a row, or with one value of the target; a class without a row to train on."""

    def check(columns: dict, **asked) -> None:
        made = planned(columns, **asked)
        adopt._check_parts(made, config.parse(adopt.files.contract(made, ""), Contract, "contract"), rules("t-1"))

    xs = [f"{row * 37 % 101}.5" for row in range(300)]
    check({"x": xs, "y": ["a", "b"] * 150})
    with pytest.raises(
        CannotRun,
        match=r"of 300 rows fall into the part \w+ of the split, all with the same y: bring more rows of the rarer value",
    ):
        check({"x": xs, "y": [int(row < 2) for row in range(300)]})
    groups = [*[held_back("t-1")] * 6, *range(1000, 1294)]
    with pytest.raises(CannotRun, match="class 'rare' of 'y' has no row among the"):
        check({"x": xs, "g": groups, "y": ["rare"] * 6 + ["a", "b", "c"] * 98}, group="g")
