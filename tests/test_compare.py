"""Main and candidate on the same rows: which rows, whose model, and what stops the judgement with one sentence."""

import contextlib
import hashlib
import importlib
import json
import shutil
import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from copies import copy
from judging import RULE, knobs
from mlops import cli, compare, contract, dvc, params
from mlops.baseline import Baseline
from mlops.delivery import overlay
from mlops.errors import CannotRun
from mlops.files import read_table, sha256, write_json, write_table, write_text
from mlops.metrics import TASKS
from mlops.onnx_model import Model
from mlops.pins import PINS
from mlops.split import keys
from tables import Folder

JUNK = b"not a model"


@pytest.fixture(scope="module")
def ready(tmp_path_factory):
    """A copy with a small sample and nobody protected, its stages run up to `evaluate`, committed as main."""
    made = copy(tmp_path_factory.mktemp("ready") / "tree")
    made.edit("params.yaml", "rows_per_month: 2000", "rows_per_month: 200")
    made.edit("params.yaml", "n_estimators: 120", "n_estimators: 10")
    for _ in ("gender", "race"):  # each costs a search for proxies
        made.edit("data/contract.yaml", "protected: true", "feature: false")
    with contextlib.chdir(made.path):
        run_stages()
    made.git("commit", "-q", "-a", "-m", "a small sample")
    return replace(made, main=made.git("rev-parse", "HEAD"))


@pytest.fixture(scope="module")
def asked(ready, tmp_path_factory):
    """A function: task -> it again, asked a question of that task, its stages run, not committed."""

    @cache
    def ask(task):
        path = shutil.copytree(ready.path, tmp_path_factory.mktemp(task) / "tree", symlinks=True)
        with contextlib.chdir(path):
            Folder(path).ask(task)
            run_stages()
        return replace(ready, path=path)

    return ask


@pytest.fixture
def copied(tmp_path, monkeypatch):
    """A function: one of those trees -> it again, for a test to change; the test runs in it, on a laptop."""
    for name in ("CI", "DVC_REMOTE_URL"):
        monkeypatch.delenv(name, raising=False)
    for name, value in PINS.items():  # the verbs set them for the whole process
        monkeypatch.setenv(name, value)

    def again(made):
        shutil.copytree(made.path, tmp_path / "tree", symlinks=True)
        monkeypatch.chdir(tmp_path / "tree")
        return replace(made, path=tmp_path / "tree")

    return again


@pytest.fixture
def tree(ready, copied):
    """The one of the sample's own question."""
    return copied(ready)


def run_stages() -> None:
    """Run the stages up to `evaluate` here, and record them."""
    stages = ("fingerprint", "ingest", "prepare", "train", "evaluate")
    for stage in stages:
        importlib.import_module(f"mlops.pipeline.{stage}").run(None)
    write_json("reports/validation.json", {"schema": 1, "rules": [RULE]})  # Great Expectations takes seconds
    write_text("reports/data_docs/index.html", "")
    recorded(*stages, "validate")


def recorded(*stages: str) -> None:
    """Write into dvc.lock that `stages` made what lies here, as a run of them would."""
    subprocess.run([sys.executable, "-m", "dvc", "commit", "-q", "-f", *stages], check=True, env=dvc.environment())


def rows() -> tuple:
    """The test rows with their keys and the candidate's scores, as `gather` reads them."""
    table, model = contract.read(), Model.read()
    test = read_table("data/prepared/test.parquet")
    return test.assign(_key=keys(test, table), _score=model.score(test)), model


def test_the_training_keys_are_those_of_train_and_validation_rows(tree):
    """All of them and no others: they say what a model has seen."""
    table = contract.read()
    of = {
        name: keys(read_table(f"data/prepared/{name}.parquet"), table)
        for name in ("train", "validation", "test", "holdout")
    }
    seen = set(read_table("models/training_keys.parquet")["key"])
    assert {*of["train"], *of["validation"]} == seen
    assert not seen & {*of["test"], *of["holdout"]}


def test_only_rows_that_neither_model_trained_on_are_compared(tree):
    """Main, of another split, saw a third of the candidate's test rows: the other two thirds are left, and no row of training."""
    test, model = rows()
    main = Baseline(tree.main, "rescored", model, {*test["_key"][::3], "elsewhere"})
    found, left = compare.common(main, test, knobs({"min_rows": 100}))
    assert main is found
    assert [key for key in test["_key"] if key not in main.keys] == list(left["_key"])
    assert not set(left["_key"]) & set(read_table("models/training_keys.parquet")["key"])


def test_a_model_is_compared_with_itself_on_all_its_test_rows(tree):
    """Where the candidate is main's model, nothing has to be left out."""
    test, model = rows()
    main = Baseline(tree.main, "committed", model, set(test["_key"]))
    assert len(test) == len(compare.common(main, test, knobs())[1])


@pytest.mark.parametrize(
    ("seen", "gone", "otherwise", "why"),
    [
        (0.9, [], "", r"only \d+ test rows are new to main's model, 1,000 are asked for \(gates.min_rows\)"),
        pytest.param(0.0, ["income"], "", r"main's model reads 'income', which", marks=pytest.mark.slow),
        pytest.param(0.0, [], "the split is by", "the split is by", marks=pytest.mark.slow),
    ],
    ids=["too few common rows", "a column is gone", "rows that mean something else"],
)
def test_where_mains_model_cannot_be_used_its_recipe_is_trained_on_this_split(tree, seen, gone, otherwise, why):
    """The note says why; then all test rows are new to both."""
    test, model = rows()
    main = Baseline(tree.main, "rescored", model, set(test["_key"][: int(seen * len(test))]))
    found, left = compare.common(main, test.drop(columns=gone), knobs(), otherwise)
    assert ("trained", len(test)) == (found.how, len(left))
    assert not set(left["_key"]) & found.keys
    assert not set(gone) & {column["name"] for column in found.model.columns}
    with pytest.raises(AssertionError, match=f"^main's recipe was trained on this split: {why}"):
        raise AssertionError(found.note)


@pytest.mark.parametrize(
    ("check", "asked"),
    [("DataDuplicates", True), ("OutlierSampleDetection", False)],
    ids=["gating", "in the report only"],
)
def test_evidence_is_of_this_tree_and_asks_main_only_what_may_count(tree, check, asked):
    """Main's deepchecks are looked at where a gating check fails: they excuse nothing else, and may cost a whole stage."""
    condition = {"name": "no more than 5 %", "passed": False, "category": "fail", "details": ""}
    report = {"schema": 1, "checks": [{"check": check, "title": "", "conditions": [condition], "error": ""}]}
    write_json("reports/deepchecks.json", report)
    write_text("reports/deepchecks.html", "")
    recorded("deepchecks")
    tree.git("commit", "-q", "-a", "-m", "main fails too")
    found, (test, model) = compare.gather("HEAD"), rows()
    assert list(test["_score"]) == list(found.score)
    assert (0, "committed", model.threshold) == (found.shared_keys, found.baseline.how, found.threshold)
    assert {0.0} == {change.delta for change in found.differences.values()}
    assert (report if asked else None) == found.main_deepchecks
    assert asked == (check in params.read().deepchecks.gate)


@pytest.mark.slow
def test_a_candidate_that_is_split_by_another_column_is_compared_with_mains_recipe(tree):
    """Main's list of training rows names none of its own: taken as it is, main would be asked about rows it has learned."""
    Folder(tree.path).set_contract({"group": "amount"})
    run_stages()
    found, expected = (
        compare.gather("HEAD"),
        "main's recipe was trained on this split: the split is by 'amount' instead of",
    )
    assert ("trained", expected) == (found.baseline.how, found.baseline.note[: len(expected)])
    assert len(found.target) == len(read_table("data/prepared/test.parquet"))


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_a_main_that_asks_another_question_is_no_baseline(asked, copied, task):
    """The evidence says so instead of comparing; it is no first run, and the candidate has its figures and groups."""
    tree = copied(asked(task))
    found, model = compare.gather(tree.main), Model.read()
    assert found.no_baseline.startswith(
        f"main's model answers another question (task binary -> {task}; target default -> "
    )
    assert found.replaces_sample
    assert (False, None, {}, {}) == (found.first_run, found.baseline, found.differences, found.slice_differences)
    assert {metric.name for metric in TASKS[task]} <= set(found.estimates)
    assert (len(found.target), *[len(model.classes)] * (task == "multiclass")) == found.score.shape
    assert len(found.target) == len(found.slices)


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_a_main_that_asks_the_same_question_is_compared_with(asked, copied, task):
    """In every task: metrics of both, and of each group that is large enough; a model differs from itself nowhere."""
    tree = copied(asked(task))
    tree.git("commit", "-q", "-a", "-m", "main asks it too")
    found = compare.gather("HEAD")
    assert ("", "committed") == (found.no_baseline, found.baseline.how)
    assert {0.0} == {change.delta for change in found.differences.values()}
    assert {0.0} == {change.delta for change in found.slice_differences.values()}
    assert {metric.name for metric in TASKS[task]} <= set(found.differences)


def test_mains_limits_and_its_newer_commits_are_evidence(tree):
    """The params of the commit that is compared with, and how many commits it is ahead."""
    tree.git("checkout", "-q", "-b", "branch")
    tree.git("checkout", "-q", "main")
    tree.edit("params.yaml", "max_total_degradation: 0.02", "max_total_degradation: 0.03")
    tree.git("commit", "-q", "-a", "-m", "main went on")
    tree.git("checkout", "-q", "branch")
    found = compare.gather("main")
    assert (0.03, 0.02, 1) == (
        found.main_params.gates.max_total_degradation, found.params.gates.max_total_degradation, found.behind,
    )  # fmt: skip


def test_a_candidate_without_a_number_for_one_class_is_refused(asked, copied):
    """Rows are counted, however many numbers each lacks."""
    copied(asked("multiclass"))
    predictions = read_table("reports/predictions.parquet")
    predictions.loc[:1, ["score_rent", "score_own"]] = np.nan
    write_table("reports/predictions.parquet", predictions)
    recorded("evaluate")
    with pytest.raises(CannotRun, match=r"^reports/predictions.parquet has no number for 2 of \d+ rows"):
        compare.gather("HEAD")


def test_a_candidate_of_other_numbers_is_refused(asked, copied):
    """A predicted amount is held against the model's to six digits of it, not to the sixth decimal."""
    copied(asked("regression"))
    predictions = read_table("reports/predictions.parquet")
    write_table("reports/predictions.parquet", predictions.assign(score=predictions["score"] * 1.001))
    recorded("evaluate")
    with pytest.raises(CannotRun, match=r"^reports/predictions.parquet is not what models/model.onnx says of"):
        compare.gather("HEAD")


def misspelt(tree):
    """A knob that is none."""
    tree.edit("params.yaml", "min_rows: 1000", "min_row: 1000")


def ungated(tree):
    """A check of deepchecks that is none."""
    tree.edit("params.yaml", "- DataDuplicates", "- DataDuplicate")


def retyped(tree):
    """A contract that names no column as its target."""
    tree.edit("data/contract.yaml", "target: default", "target: defualt")


def unrun(tree):
    """A value that changed after the run."""
    tree.edit("params.yaml", "n_estimators: 10", "n_estimators: 20")


def conflicting(tree):
    """A lock as git leaves it after a merge of two."""
    lock = Path("dvc.lock").read_text()
    write_text("dvc.lock", f"<<<<<<< HEAD\n{lock}=======\n{lock}>>>>>>> main\n")


def shorter(tree):
    """Predictions of other rows."""
    write_table("reports/predictions.parquet", read_table("reports/predictions.parquet").iloc[1:])
    recorded("evaluate")


def unscored(tree):
    """A candidate that has no answer for two rows."""
    predictions = read_table("reports/predictions.parquet")
    write_table("reports/predictions.parquet", predictions.assign(score=[np.nan] * 2 + [0.5] * (len(predictions) - 2)))
    recorded("evaluate")


def prettier(tree):
    """Predictions that the model did not make."""
    predictions = read_table("reports/predictions.parquet")
    write_table("reports/predictions.parquet", predictions.assign(score=predictions["target"] * 0.98 + 0.01))
    recorded("evaluate")


def main_has(tree, name: str, text: str | None) -> None:
    """Main's `name` is `text`, while the candidate's is right."""
    ours = Path(name).read_text()
    Path(name).unlink() if text is None else write_text(name, text)
    tree.git("commit", "-q", "-a", "-m", "main")
    write_text(name, ours)


def unreadable(tree):
    """Main's model is in the cache, under its hashes, and no model."""
    ours = [Path(name).read_text() for name in ("metrics.json", "dvc.lock")]
    md5 = hashlib.md5(JUNK, usedforsecurity=False).hexdigest()
    write_text(f".dvc/cache/files/md5/{md5[:2]}/{md5[2:]}", JUNK.decode())
    write_json("metrics.json", json.loads(ours[0]) | {"model_hash": sha256(JUNK)})
    write_text("dvc.lock", ours[1].replace(dvc.out_hash(dvc.parse_lock(ours[1]), "models/model.onnx"), md5))
    tree.git("commit", "-q", "-a", "-m", "main")
    for name, text in zip(("metrics.json", "dvc.lock"), ours, strict=True):
        write_text(name, text)


@pytest.mark.parametrize(
    ("broken", "sentence"),
    [
        (misspelt, "params.yaml: unknown key 'gates.min_row'; did you mean 'min_rows'?"),
        (ungated, "params.yaml: 'deepchecks.gate' names 'DataDuplicate', which is no check of the suite; did you mean 'DataDuplicates'?"),
        (retyped, "data/contract.yaml: `target` names 'defualt', which is not one of `columns`"),
        (unrun, "stage train is not of this tree: run `make train`"),
        (conflicting, "dvc.lock has conflict markers: take main's with `git checkout origin/main -- dvc.lock metrics.json`"),
        (shorter, "or other ids: they are of different runs; run `make train`"),
        (unscored, "reports/predictions.parquet has no number for 2 of "),
        (prettier, "reports/predictions.parquet is not what models/model.onnx says of data/prepared/test.parquet"),
        (lambda tree: main_has(tree, "metrics.json", '{"schema": 1,'), "is not valid JSON"),
        (unreadable, "cannot be read as a model of this template"),
    ],
    ids=[
        "a misspelt param", "a misspelt check", "a contract that contradicts itself", "a change that was not run", "a lock in conflict",
        "predictions of another length", "predictions without a number", "predictions of another model",
        "main's figures broken", "main's model unreadable",
    ],
)  # fmt: skip
def test_what_cannot_be_judged_is_an_error_with_one_sentence(tree, capsys, broken, sentence):
    """Exit code 2, the sentence in verdict and report, an old verdict gone, nothing half-written."""
    write_json("reports/verdict.json", {"verdict": "pass"})
    broken(tree)
    before = {name: Path(name).read_bytes() for name in ("dvc.lock", "metrics.json")}
    assert 2 == cli.main(["compare", "--base", "HEAD"])
    found = json.loads(Path("reports/verdict.json").read_text())
    assert ("error", []) == (found["verdict"], found["gates"])
    assert sentence in found["message"]
    assert 1 == len(found["message"].splitlines())
    assert f"verdict: error: {found['message']}" in capsys.readouterr().out
    assert before == {name: Path(name).read_bytes() for name in before}
    assert [] == [path for path in Path().rglob("*.part") if ".dvc" not in path.parts]
    assert 1 == len(tree.git("worktree", "list").splitlines())


def test_the_report_is_in_the_steps_summary(tree, monkeypatch):
    """A red verdict's too, after what the step has said before; the log has the sentence alone."""
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tree.path / "summary"))
    write_text("summary", "before\n\n")
    Path("metrics.json").unlink()
    assert 2 == cli.main(["compare", "--base", "HEAD"])
    report = Path("reports/report.md").read_text(encoding="utf-8")
    assert f"before\n\n{report}\n\n" == Path("summary").read_text(encoding="utf-8")


def promoted(tree, model: str, digest: str = f"sha256:{'a' * 64}") -> str:
    """The commit of main that puts a model into prod."""
    name = overlay.OVERLAY.format("prod")
    text = overlay.with_image(Path(name).read_text(), name, "champion", overlay.Image("ghcr.io/a/b", digest, model))
    write_text(name, text)
    tree.git("commit", "-q", "-a", "-m", "a promotion")
    return tree.git("rev-parse", "HEAD")


def test_nothing_is_compared_with_prod_before_the_first_promotion(tree):
    """Nor by the candidate's own overlay."""
    assert compare.gather(tree.main).no_champion.startswith("nothing is in prod yet")
    promoted(tree, Model.read().hash)
    found = compare.gather(tree.main)
    assert (None, True) == (found.champion, found.no_champion.startswith("nothing is in prod yet"))


def test_the_candidate_is_compared_with_what_prod_serves(tree):
    """Found in main's history by its hash, though main has another model since, and the candidate a third one."""
    champion = Model.read().hash
    base = promoted(tree, champion)
    for trees in ("12", "14"):
        text = Path("params.yaml").read_text().replace("n_estimators: 10", f"n_estimators: {trees}")
        write_text("params.yaml", text.replace("n_estimators: 12", f"n_estimators: {trees}"))
        run_stages()
        if trees == "12":
            tree.git("commit", "-q", "-a", "-m", "main goes on")
            base = tree.git("rev-parse", "HEAD")
    found = compare.gather(base)
    assert 3 == len({champion, found.baseline.model.hash, Model.read().hash})
    assert ("", True) == (found.no_champion, np.isfinite(found.champion.delta))
    assert found.champion.delta != found.differences["roc_auc"].delta


def test_where_prod_serves_mains_model_nothing_is_scored_twice(tree):
    """The difference from main is the one from prod."""
    found = compare.gather(promoted(tree, Model.read().hash))
    assert found.champion is found.differences["roc_auc"]


def test_a_model_in_prod_that_main_never_had_is_an_error(tree):
    """A gate that cannot look does not pass."""
    with pytest.raises(CannotRun, match="no commit of main has model ffffffffffff"):
        compare.gather(promoted(tree, "f" * 64))


def test_a_fresh_lock_passes(tree):
    """dvc.lock and metrics.json are as they were committed."""
    assert "pass" == compare.lock_state(tree.main)["status"]


@pytest.mark.parametrize(("ci", "status"), [("", "warn"), ("true", "fail")], ids=["on a laptop", "in CI"])
def test_a_lock_that_is_not_committed_fails_in_ci(tree, monkeypatch, ci, status):
    """On a laptop it was just made, and the message says to commit it; in CI the commit is what is judged."""
    monkeypatch.setenv("CI", ci)
    tree.edit("metrics.json", '"schema": 1', '"schema": 1 ')
    found = compare.lock_state(tree.main)
    assert status == found["status"]
    assert found["message"].startswith("metrics.json is ")
    assert "commit it" in found["message"] or ci


def test_the_files_of_a_lock_that_differ_are_named(tree):
    """Both where both changed, else the one."""
    tree.edit("metrics.json", '"schema": 1', '"schema": 1 ')
    assert "metrics.json is made fresh: commit it with your change" == compare.lock_state(tree.main)["message"]
    tree.edit("dvc.lock", "schema: '2.0'", 'schema: "2.0"')
    expected = "dvc.lock and metrics.json are made fresh: commit both with your change"
    assert expected == compare.lock_state(tree.main)["message"]


def test_a_lock_of_another_machine_is_not_to_be_committed(tree, monkeypatch):
    """Where the arithmetic may differ, the files are put back, and the message says where the right ones come from."""
    monkeypatch.setattr(compare, "reference_machine", lambda: False)
    tree.edit("metrics.json", '"schema": 1', '"schema": 1 ')
    found = compare.lock_state(tree.main)
    assert "warn" == found["status"]
    assert "make lock PR=" in found["message"]
    assert "commit" not in found["message"]


def test_a_lock_that_is_not_in_git_fails_in_ci(tree, monkeypatch):
    """Ignored or never added: git would say that nothing changed."""
    monkeypatch.setenv("CI", "true")
    tree.git("rm", "-q", "--cached", "dvc.lock")
    assert "fail" == compare.lock_state(tree.main)["status"]


def test_latency_is_a_number_of_milliseconds_where_there_are_rows(tree):
    """And none where there are none, which a gate must not read as fast."""
    test, model = rows()
    assert 0 < compare.latency(model, test) < 1000
    assert np.isnan(compare.latency(model, test.iloc[:0]))
