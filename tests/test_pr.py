"""What a person sees who changes something and runs `make pr`: the whole pipeline, the real verdict."""

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from copies import copy, failed

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def ready(tmp_path_factory):
    """A copy whose pipeline has run once, and whose main has the lock of that run."""
    made = copy(tmp_path_factory.mktemp("ready"))
    done = made.mlops("repro")
    assert done.returncode == 0, done.stdout + done.stderr
    made.git("commit", "-q", "--allow-empty", "-a", "-m", "the lock of this run")
    return replace(made, main=made.git("rev-parse", "HEAD"))


@pytest.fixture
def clean(ready):
    """The copy as main has it, whatever the test before did."""
    ready.git("checkout", "-q", "-f", ready.main)
    ready.git("clean", "-q", "-f", "-d")
    return ready


def _stages(said: str) -> list[str]:
    known = ("ingest", "validate", "prepare", "train", "evaluate", "behaviour", "deepchecks")
    return [name for name in known if f"-- {name}:" in said]


def test_an_unchanged_tree_passes_and_runs_no_stage(clean):
    """Main against itself passes, from its own committed model, and runs nothing again."""
    found = clean.verdict()
    assert ("pass", 0, "committed") == (found["verdict"], found["exit"], found["baseline"]["how"])
    assert [] == _stages(found["said"])


def test_without_its_two_strongest_columns_the_model_fails_for_degradation(clean):
    """The verdict names the metric that got worse; main's own bytes are the baseline."""
    for column in ("late_payments", "income"):
        clean.edit("data/contract.yaml", f"  {column}:\n", f"  {column}:\n    feature: false\n")
    found = clean.verdict()
    assert ("fail", 1, "rescored") == (found["verdict"], found["exit"], found["baseline"]["how"])
    assert "degradation" in failed(found)
    assert "ROC AUC against main" in found["message"]


def test_a_proxy_among_the_features_fails_for_fairness(clean):
    """Postcode stands for race: made a feature, the group-gap gate fails and says how well it tells the groups apart."""
    clean.edit("data/contract.yaml", '"P12"]\n    feature: false', '"P12"]')
    found = clean.verdict()
    assert ("fail", 1) == (found["verdict"], found["exit"])
    assert {"fairness"} == failed(found)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("window: {start: 2023-07, end: 2024-12}", "window: {start: 2023-07, end: 2024-11}"),
        ("salt: loans-1", "salt: loans-2"),
    ],
    ids=["the data window", "the split's salt"],
)
def test_a_change_of_the_rows_alone_is_not_red(clean, old, new):
    """Another window or another split is judged on rows that neither model trained on, and passes."""
    clean.edit("params.yaml", old, new)
    found = clean.verdict()
    assert set() == failed(found), found["message"]
    assert found["baseline"]["how"] in ("rescored", "trained")


def test_a_changed_comment_retrains_nothing(clean):
    """A comment in params, contract and code leaves every stage as it is."""
    clean.edit("params.yaml", "# Every knob", "# Each knob")
    clean.edit("data/contract.yaml", "# What each column", "# All that each column")
    clean.edit("src/model/estimator.py", '"""YOURS: the estimator.', '"""YOURS: the one estimator.')
    clean.edit(
        "src/mlops/pipeline/train.py",
        '    """Train the model of params.yaml',
        '    # why\n    """Train the model of params.yaml',
    )
    found = clean.verdict()
    assert [] == _stages(found["said"])
    assert "pass" == found["verdict"]


def test_a_changed_param_retrains_and_is_compared_with_mains_bytes(clean):
    """One number changed: train and what follows run, ingest and prepare do not."""
    clean.edit("params.yaml", "n_estimators: 120", "n_estimators: 110")
    found = clean.verdict()
    assert "rescored" == found["baseline"]["how"]
    assert ["train", "evaluate", "behaviour", "deepchecks"] == _stages(found["said"])


def test_a_stage_left_out_makes_the_verdict_partial(clean):
    """With SKIP=deepchecks the answer is partial, never pass."""
    clean.mlops("repro")
    done = clean.mlops("compare", "--base", clean.main, "--skip", "deepchecks")
    assert 2 == done.returncode
    assert "verdict: partial" in done.stdout


def test_a_stale_lock_is_red_in_ci_with_its_fix(clean):
    """In CI a lock that the pipeline had to rewrite fails, and the message says how to mend it."""
    clean.edit("params.yaml", "n_estimators: 120", "n_estimators: 100")
    found = clean.verdict(CI="true")
    assert {"lock"} == failed(found)
    assert "make lock PR=" in next(gate["message"] for gate in found["gates"] if gate["id"] == "lock")


def test_critically_bad_data_fails_naming_column_rule_and_count(clean):
    """Rows outside the contract stop the pipeline; the verdict is a failed gate and shows no value."""
    clean.edit("data/contract.yaml", "    min: 18\n    max: 100", "    min: 30\n    max: 100")
    found = clean.verdict()
    assert ("fail", 1, {"data_contract"}) == (found["verdict"], found["exit"], failed(found))
    assert "column 'age' breaks 'to_be_between min_value=30.0" in found["message"]
    assert "for example" not in found["message"]


def test_a_first_run_passes_and_says_why(clean):
    """A main that never had metrics.json and dvc.lock is no baseline, which is said."""
    clean.git("checkout", "-q", "--orphan", "first")
    clean.git("rm", "-q", "--cached", "dvc.lock", "metrics.json")
    clean.git("commit", "-q", "-m", "a first run")
    clean.mlops("repro")
    done = clean.mlops("compare", "--base", "first")
    assert 0 == done.returncode, done.stdout
    assert "first run" in done.stdout


def test_deleting_mains_lock_makes_no_first_run(clean):
    """Where main once had a model, its absence stops the verdict."""
    clean.git("rm", "-q", "--cached", "dvc.lock", "metrics.json")
    clean.git("commit", "-q", "-m", "a deletion")
    clean.mlops("repro")
    done = clean.mlops("compare", "--base", "HEAD")
    assert 2 == done.returncode
    assert "metrics.json of main" in done.stdout
    assert "is absent" in done.stdout


def test_main_without_its_bytes_is_trained_from_its_own_tree(tmp_path):
    """In a clone with an empty cache, main's model is made again and has the hash that its metrics.json names."""
    fresh = copy(tmp_path)
    fresh.edit("params.yaml", "n_estimators: 120", "n_estimators: 100")
    found = fresh.verdict("--skip", "deepchecks")
    assert "rescored" == found["baseline"]["how"], found["said"]
    assert "training it from main's tree" in found["said"]


def test_two_clean_runs_write_the_same_lock(tmp_path, ready):
    """The same tree with an empty cache gives the same dvc.lock and metrics.json, byte for byte."""
    fresh = copy(tmp_path)
    assert fresh.mlops("repro").returncode == 0
    for name in ("dvc.lock", "metrics.json"):
        assert _sha(ready.path / name) == _sha(fresh.path / name), name


def _sha(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_an_experiment_runs_and_shows(clean):
    """`dvc exp run -S` changes one line of text and trains with it, and `dvc exp show` has its param and its metric."""
    clean.git("commit", "-q", "--allow-empty", "-m", "for experiments")
    done = clean.dvc("exp", "run", "-q", "-S", "train.estimators.gradient_boosting.n_estimators=30", "evaluate")
    assert 0 == done.returncode, done.stderr
    assert "1\t1\tparams.yaml" == clean.git("diff", "--ignore-blank-lines", "--numstat", "params.yaml").strip()
    shown = clean.dvc("exp", "show", "--csv").stdout.splitlines()
    column = shown[0].split(",").index("train.estimators.gradient_boosting.n_estimators")
    assert "30" in [line.split(",")[column] for line in shown[1:]]
    assert "metrics.roc_auc" in shown[0]


def test_nothing_that_leaves_shows_a_row(clean):
    """Canary values in the table, in a broken rule and in a failing behaviour case are in no report and no log."""
    clean.edit(
        "src/model/source.py",
        "    return generate(start, end, **options)",
        "    rows = generate(start, end, **options)\n"
        '    rows.loc[::400, "years_employed"] = 61.375\n'
        '    rows.loc[::400, "income"] = 765432.125\n'
        '    rows.loc[::400, "postcode"] = "P12"\n'
        '    rows.loc[::400, "application_id"] = "canary-" + rows.loc[::400, "application_id"]\n'
        "    return rows",
    )
    clean.edit("tests/model/test_directional.py", 'income=rows["income"] * 1.2', 'income=rows["income"] * 0.2')
    found = clean.verdict(CI="true")
    assert "warn" in [gate["status"] for gate in found["gates"] if gate["id"] == "data_contract"]
    assert "behaviour" in failed(found)
    leaving = [
        "metrics.json",
        "dvc.lock",
        *(str(p.relative_to(clean.path)) for p in (clean.path / "reports").rglob("*") if p.is_file()),
    ]
    leaving.remove("reports/predictions.parquet")  # stays in the cache and the store of the team
    for name in leaving:
        text = (clean.path / name).read_bytes().decode("utf-8", "replace")
        shown = [canary for canary in ("61.375", "765432", "canary-") if canary in text]
        assert [] == shown, name
    assert "canary-" not in found["said"]
