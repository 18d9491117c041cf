"""Search: the draw, the folds, the comparison, and the experiments that DVC shows."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mlops import config, contract, params, search
from mlops.errors import CannotRun
from mlops.files import write_table
from mlops.split import keys

CONTRACT = """\
version: 1
task: binary
target: late
positive: 1
id: id
columns:
  id: {type: text}
  debt: {type: number}
  job: {type: category, categories: ["none", "some"]}
  late: {type: integer}
"""
PARAMS = """\
# a comment on top
data: {window: {start: "2024-01", end: "2024-02"}}
split: {salt: "s"}
train:
  estimator: linear  # the short one
  estimators:
    linear: {C: 0.00001, max_iter: 200}
    gradient_boosting: {n_estimators: 5}
  calibration: none
gates: {primary: log_loss}
search:
  runs: 12
  folds: 3
  space:
    linear: {C: [0.00001, 0.0001, 0.1, 1.0], tol: [0.001, 0.01, 0.1]}
"""
OTHERS = {  # what the contract asks instead of `late`, the metric that decides, and its sign
    "multiclass": ("grade", "log_loss", -1),
    "regression": ("price", "rmse", -1),
}
TABLE = config.parse(CONTRACT, contract.Contract, "contract")
KNOBS = config.parse(PARAMS, params.Params, "params")
MORE = {"C": 1.0}  # a candidate that is clearly better


def rows(count=600):
    random = np.random.default_rng(0)
    debt = random.normal(size=count)
    job = np.where(random.random(count) < 0.5, "none", "some")
    late = (random.random(count) < 1 / (1 + np.exp(-2 * debt))).astype(int)
    price, grade = 1000 * debt, np.array(["low", "middle", "high"])[np.digitize(debt, [-0.5, 0.5])]
    ids = [f"a{number}" for number in range(count)]
    return pd.DataFrame({"id": ids, "debt": debt, "job": job, "late": late, "price": price, "grade": grade})


def asking(task):
    """A contract and params of another task, whose model is hardly allowed to learn."""
    target, metric, _ = OTHERS[task]
    column = {"multiclass": 'category, categories: ["low", "middle", "high"]', "regression": "number"}[task]
    text = CONTRACT.replace("binary", task).replace("target: late\npositive: 1", f"target: {target}")
    table = config.parse(f"{text}  {target}: {{type: {column}}}\n", contract.Contract, "contract")
    few = PARAMS.replace("estimator: linear", "estimator: gradient_boosting").replace(
        "n_estimators: 5", "n_estimators: 1"
    )
    return table, config.parse(few.replace("log_loss", metric), params.Params, "params")


def with_space(**space):
    return KNOBS.model_copy(update={"search": KNOBS.search.model_copy(update={"space": {"linear": space}})})


def test_candidates_begin_with_the_present_and_never_repeat():
    """The first candidate changes nothing, and all are different."""
    found = search.candidates(KNOBS, TABLE)
    assert found[0] == {}
    assert len(found) == len({str(changes) for changes in found}) == KNOBS.search.runs


def test_candidates_are_the_same_at_every_call_and_others_with_another_seed():
    """The draw is seeded with train.seed."""
    wide = with_space(C=list(range(1, 100)))
    other = wide.model_copy(update={"train": wide.train.model_copy(update={"seed": 1})})
    assert search.candidates(wide, TABLE) == search.candidates(wide, TABLE)
    assert search.candidates(wide, TABLE) != search.candidates(other, TABLE)


def test_a_small_space_gives_all_it_holds_and_a_large_one_is_never_listed():
    """What is written twice, or is the present value, counts once; of 10^9 combinations some are drawn, and none is built."""
    assert [{}, {"C": 2}] == search.candidates(with_space(C=[2, 2, 0.00001]), TABLE)
    large = {name: list(range(1000)) for name in ("C", "tol", "max_iter")}
    assert len(search.candidates(with_space(**large), TABLE)) == KNOBS.search.runs


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ({"Cc": [1]}, r"params.yaml: search\.space\.linear: unknown argument 'Cc'; known: C, "),
        ({"C": []}, r"search\.space\.linear has no values to try"),
        ({}, r"search\.space\.linear has no values to try"),
    ],
)
def test_a_space_that_cannot_be_searched_is_refused(space, message):
    """An unknown argument is named with the known ones, and a space without values with what to write."""
    with pytest.raises(CannotRun, match=message):
        search.candidates(with_space(**space), TABLE)


def test_every_row_of_one_id_is_in_one_fold():
    """A fold is a hash of the id: it neither depends on the other rows nor on their order."""
    some = pd.concat([rows(90), rows(90).sample(frac=1, random_state=0)])
    fold, inner = search.folds_of(keys(some, TABLE), KNOBS)
    assert (
        some.groupby("id").ngroups == pd.DataFrame({"id": some["id"], "f": fold, "i": inner}).drop_duplicates().shape[0]
    )


def test_folds_are_even_and_hold_the_share_of_validation_rows():
    """Each fold has a third of the rows, and of each a fifth stands in for validation rows, as 15 to 60 per cent do."""
    fold, inner = search.folds_of(keys(rows(6000), TABLE), KNOBS)
    assert pytest.approx([1 / 3] * 3, abs=0.03) == np.bincount(fold) / len(fold)
    assert pytest.approx([0.2] * 3, abs=0.03) == [inner[fold == at].mean() for at in range(3)]


def test_cross_validation_tells_a_good_candidate_from_a_bad_one():
    """A model that is hardly allowed to learn has the higher log loss in every fold, the same at every run."""
    first, second, again = (
        search.cross_validate(changes, rows(), TABLE, KNOBS, jobs=1) for changes in ({}, MORE, MORE)
    )
    assert (second < first).all()
    assert second.tolist() == again.tolist()


@pytest.mark.parametrize("task", OTHERS)
def test_cross_validation_is_of_the_contracts_task(task):
    """Of several classes and of numbers, by the metric that params name: more trees are better in every fold."""
    table, knobs = asking(task)
    first, second = (
        search.cross_validate(changes, rows(), table, knobs, jobs=1) for changes in ({}, {"n_estimators": 30})
    )
    best, gain, _ = search.better(np.array([first, second]), OTHERS[task][2])
    assert (1, True) == (best, gain > 0)


@pytest.mark.parametrize("task", OTHERS)
def test_candidates_are_arguments_of_the_tasks_estimator(task):
    """A regressor's loss is none of a classifier's."""
    table, knobs = asking(task)
    space = {"gradient_boosting": {"n_estimators": [1, 2], "alpha": [0.5]}}
    knobs = knobs.model_copy(update={"search": knobs.search.model_copy(update={"space": space})})
    if task == "regression":
        assert {"n_estimators": 2, "alpha": 0.5} in search.candidates(knobs, table)
    else:
        with pytest.raises(CannotRun, match="unknown argument 'alpha'"):
            search.candidates(knobs, table)


def test_a_metric_of_another_task_is_refused():
    """The sentence has the task and its metrics."""
    table, _ = asking("regression")
    few = PARAMS.replace("estimator: linear", "estimator: gradient_boosting")
    with pytest.raises(
        CannotRun, match="metric `log_loss` is not known for task regression: choose from rmse, mae, r2"
    ):
        search.cross_validate({}, rows(), table, config.parse(few, params.Params, "params"), jobs=1)


def test_a_fold_without_a_class_is_refused():
    """Its model would have no answer for that class."""
    table, knobs = asking("multiclass")
    some = rows()
    fold, _ = search.folds_of(keys(some, table), knobs)
    some.loc[(some["grade"] == "high") & (fold != 1), "grade"] = "low"
    with pytest.raises(CannotRun, match=r"^class 'high' of 'grade' has no row among the \d+ train rows"):
        search.cross_validate({}, some, table, knobs, jobs=1)


def test_a_value_that_the_estimator_refuses_is_one_sentence():
    """The sentence is what the estimator says of the argument and its value."""
    with pytest.raises(
        CannotRun, match=r"train\.estimators\.linear, cannot be fitted: The 'C' parameter .* Got -1 instead"
    ):
        search.cross_validate({"C": -1}, rows(), TABLE, KNOBS, jobs=1)


def test_a_fold_of_one_class_is_refused():
    """A metric that needs both classes has no number there, and no candidate can be chosen by it."""
    some = rows()
    some.loc[search.folds_of(keys(some, TABLE), KNOBS)[0] == 1, "late"] = 1
    ranks = KNOBS.model_copy(update={"gates": KNOBS.gates.model_copy(update={"primary": "roc_auc"})})
    with pytest.raises(CannotRun, match=r"a fold of \d+ rows has one class only: lower search.folds"):
        search.cross_validate(MORE, some, TABLE, ranks, jobs=1)


@pytest.mark.parametrize(("sign", "best", "gain"), [(1, 2, 0.3), (-1, 1, 0.1)])
def test_the_best_is_compared_with_the_present_fold_by_fold(sign, best, gain):
    """A gain that is the same in every fold has no error, however much the folds differ from one another."""
    scores = np.array([[0.1, 0.5, 0.9], [0.0, 0.4, 0.8], [0.4, 0.8, 1.2]])
    assert (best, pytest.approx(gain), pytest.approx(0, abs=1e-12)) == search.better(scores, sign)


def git(*words):
    return subprocess.run(["git", *words], check=True, capture_output=True, text=True).stdout


def repository(folder: Path) -> None:
    """A repository with training rows and no others; its last commit is not the working tree."""
    files = {"params.yaml": PARAMS, "data/contract.yaml": CONTRACT, ".gitignore": "/reports/\n/data/prepared/\n"}
    files |= {"dvc.yaml": "metrics: [metrics.json]\n", "metrics.json": '{"roc_auc": 0.9}\n', "src/a.py": "1\n"}
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    write_table(folder / "data/prepared/train.parquet", rows())
    git("init", "--quiet", "--initial-branch=main")
    subprocess.run([sys.executable, "-m", "dvc", "init", "--quiet"], check=True, capture_output=True)
    git("add", ".")
    git("-c", "user.name=a", "-c", "user.email=a@b.invalid", "commit", "--quiet", "--message=first")
    (folder / "src/a.py").write_text("2\n")
    (folder / "new.txt").write_text("untracked\n")


def state() -> list[str]:
    """Everything that a search must leave alone: the tree, the index, HEAD, branches, the stash."""
    words = (
        ["status", "--porcelain"],
        ["diff"],
        ["diff", "--cached"],
        ["rev-parse", "HEAD"],
        ["stash", "list"],
        ["branch"],
    )
    return [git(*each) for each in words]


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A repository to search in, on a machine where nobody told git who they are."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    for name in [name for name in os.environ if name.startswith(("GIT_AUTHOR", "GIT_COMMITTER", "GIT_CONFIG_GLOBAL"))]:
        monkeypatch.delenv(name)
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    repository(folder)
    return folder


def test_a_search_gives_experiments_and_a_diff_and_leaves_the_tree_alone(project, capsys):
    """DVC shows each candidate with its params and score and no other metric; the diff applies; nothing else changed."""
    before = state()
    search.run(None)
    assert before == state()
    shown = subprocess.run([sys.executable, "-m", "dvc", "exp", "show", "--json"], check=True, capture_output=True)
    main = next(row for row in json.loads(shown.stdout) if row["name"] == "main")
    experiments = [entry["revs"][0]["data"] for entry in main["experiments"]]
    assert KNOBS.search.runs == len(experiments)
    for data in experiments:
        assert {"cv_log_loss", "cv_standard_error"} == set(data["metrics"]["metrics.json"]["data"])
        assert data["params"]["params.yaml"]["data"]["train"]["estimators"]["linear"]["C"] in {
            0.00001,
            0.0001,
            0.1,
            1.0,
        }
    assert git("show", f"{experiments[0]['rev']}:src/a.py") == "2\n"  # what was scored, committed or not
    assert f"search: `git apply {search.DIFF}` takes it" in capsys.readouterr().out
    git("apply", search.DIFF)
    assert params.read().train.options["C"] > 0.00001
    assert ["-    linear: {C: 0.00001, max_iter: 200}"] == [
        line for line in git("diff", "params.yaml").splitlines() if line.startswith("-") and "params.yaml" not in line
    ]


def test_a_second_search_replaces_the_first_and_finds_nothing_better(project, capsys):
    """The same candidates keep their names; from the best params on nothing is clearly better, and the old diff is gone."""
    search.run(None)
    names = git("for-each-ref", "--format=%(refname)", "refs/exps")
    search.run(None)
    assert names == git("for-each-ref", "--format=%(refname)", "refs/exps")
    git("apply", search.DIFF)
    capsys.readouterr()
    search.run(None)
    assert "search: nothing is clearly better than the present params" in capsys.readouterr().out
    assert not Path(search.DIFF).exists()


def test_a_search_that_breaks_leaves_the_tree_alone(project):
    """A value that no model can be fitted with ends the search in one sentence, and changes nothing."""
    text = PARAMS.replace("C: [0.00001, 0.0001, 0.1, 1.0]", "C: [-1, 0.1]")
    Path("params.yaml").write_text(text)
    before = state()
    with pytest.raises(CannotRun, match=r"linear, cannot be fitted: .* Got -1"):
        search.run(None)
    assert before == state()


def test_a_search_outside_of_git_is_refused(project, monkeypatch):
    """Experiments need a commit to stand on: the sentence is git's own."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(project.parent))
    shutil.rmtree(".git")
    with pytest.raises(CannotRun, match="git rev-parse HEAD` failed"):
        search.run(None)
