"""Verb `compare`: main and candidate on the same rows, every gate, the verdict.

Run: mlops compare [--base origin/main] [--skip deepchecks]. Writes reports/verdict.json, report.md and report.html.
"""

import os
import time
import traceback
from pathlib import Path

import numpy as np
import pandas as pd

from mlops import baseline, contract, dvc, gates, github, known_metrics, params, slices, split, stopped, verdict
from mlops.bootstrap import paired, single
from mlops.contract import Contract
from mlops.delivery import champion
from mlops.delivery.overlay import PROD
from mlops.doctor import SAMPLE
from mlops.errors import CannotRun
from mlops.files import read_json, read_table
from mlops.gates.result import Evidence
from mlops.metrics import DIGITS, Scores
from mlops.onnx_model import Model
from mlops.params import Params
from mlops.paths import (
    BEHAVIOUR,
    DEEPCHECKS,
    KEYS,
    LOCK,
    METRICS,
    MODEL,
    PART,
    PREDICTIONS,
    REPORT,
    REPORT_PAGE,
    VALIDATION,
    VERDICT,
)
from mlops.pipeline.deepchecks_suite import check_gate
from mlops.proxy import strongest
from mlops.repro import reference_machine
from mlops.task import score_columns

STAGES = {"deepchecks"}  # what SKIP= may leave out
NEEDED = {"ingest", "validate", "prepare", "train", "evaluate"}  # without these there is nothing to judge


def add_arguments(parser) -> None:
    """Add --base and --skip."""
    parser.add_argument("--base", help="commit to compare with (default: origin/main, else main)")
    parser.add_argument(
        "--skip", action="append", default=[], choices=sorted(STAGES), help="leave a stage out: the verdict is partial"
    )


def run(args) -> int:
    """Judge the candidate; the exit code is the verdict's."""
    from mlops import report

    forget()
    try:
        evidence = gather(args.base, frozenset(args.skip))
        evidence.lint = getattr(args, "lint", None)
        found = verdict.decide(evidence, gates.judge(evidence))
        changes = report.changes(evidence, baseline.resolve(args.base))
    except CannotRun as error:
        found, evidence, changes = verdict.error(str(error), _broken_contract()), None, None
    except Exception as error:
        traceback.print_exc()
        found, evidence, changes = (
            verdict.error(f"{type(error).__name__} while judging: the log says where"),
            None,
            None,
        )
    verdict.write(found)
    report.write(found, evidence, changes)
    github.summary(Path(REPORT).read_text(encoding="utf-8"))
    print(verdict.summary(found))
    return verdict.EXIT[found["verdict"]]


def forget() -> None:
    """Delete the last answer: it must not outlive a run that stops."""
    for path in (VERDICT, REPORT, REPORT_PAGE):
        Path(path).unlink(missing_ok=True)


def foreseen(base: str | None) -> str:
    """Return the commit to compare with; raises CannotRun for what would stop the verdict after minutes of training."""
    knobs, table = params.read(), contract.read()
    known_metrics.check(knobs.gates, table)
    check_gate(knobs.deepchecks.gate, knobs.split.by, table)
    return baseline.resolve(base)


def _broken_contract() -> list[gates.Gate]:
    """The data contract's failure, where it is what stopped the pipeline: a failed gate, not a run that could not be."""
    try:
        evidence = Evidence(params.read(), contract.read(), {}, validation=_report(VALIDATION))
        failed = [gate for gate in gates.data_contract.check(evidence) if gate.status == "fail"]
        stale = dvc.stale() if failed and evidence.validation else set()
        return failed if "validate" in stale and "ingest" not in stale else []
    except CannotRun:
        return []


def gather(base: str | None, skipped: frozenset[str] = frozenset()) -> Evidence:
    """Return the evidence about the tree in this folder against the commit `base`; raises CannotRun where it cannot be had."""
    commit = foreseen(base)
    knobs, table = params.read(), contract.read()
    stale = dvc.stale()
    unmade = sorted(stale & NEEDED)
    if unmade:
        raise CannotRun(
            stopped.why(unmade)
            or f"stage {', '.join(unmade)} is not of this tree: run `make train`, and read its last lines"
        )
    model = Model.read()
    every, keys = _test_rows(table, model), set(read_table(KEYS)["key"])
    test = every
    metrics = baseline.parse_metrics(Path(METRICS).read_text(encoding="utf-8"), METRICS)
    if metrics["model_hash"] != model.hash:
        raise CannotRun(
            f"{METRICS} is of model {metrics['model_hash'][:12]}, {MODEL} is {model.hash[:12]}: run `make train`"
        )
    evidence = Evidence(
        params=knobs,
        table=table,
        metrics=metrics,
        threshold=model.threshold,
        inputs=[column["name"] for column in model.columns],
        shared_keys=int(test["_key"].isin(keys).sum()),
        size_mb=len(model.data) / 1e6,
        latency_ms=latency(model, test),
        validation=_report(VALIDATION),
        behaviour=None if "behaviour" in stale else _report(BEHAVIOUR),
        deepchecks=None if "deepchecks" in stale else _report(DEEPCHECKS),
        lock=lock_state(commit),
        main_params=gates.limits.read(commit),
        behind=int(dvc.git("rev-list", "--count", f"HEAD..{commit}")),
        skipped=skipped,
    )
    main = None
    if baseline.committed(commit) is None:
        evidence.first_run = True
        evidence.no_baseline = (
            f"first run: {commit[:8]} has neither metrics.json nor dvc.lock, so there is no model to compare with"
        )
    else:
        evidence.no_baseline = baseline.other_question(commit)
        evidence.replaces_sample = baseline.table(commit) == SAMPLE
    if not evidence.no_baseline:
        main = baseline.find(commit, model, keys)
        main, test = common(main, test, knobs, "" if main.how == "committed" else baseline.otherwise(commit))
        failing = gates.deepchecks.failing(evidence.deepchecks, broken=False).keys()
        if "deepchecks" not in skipped and failing & set(knobs.deepchecks.gate):  # it may cost main's stage
            evidence.main_deepchecks = baseline.report(commit, DEEPCHECKS)
    measure(evidence, main, model, test.drop(columns="_key"), read_table(PART.format("train")))
    against_champion(evidence, commit, model, every, keys)
    return evidence


def against_champion(evidence: Evidence, commit: str, model: Model, test: pd.DataFrame, keys: set) -> None:
    """Fill in the difference of the primary metric from what prod serves, as main's overlay says: the candidate's excuses nothing."""
    image = champion.served(PROD, commit)
    if image is None:
        return
    maker = champion.made_by(image.model, commit)
    other = baseline.other_question(maker)
    if other:  # between an adoption and the first promotion after it
        evidence.no_champion = other.replace("main's model", "what prod serves", 1)
        return
    evidence.no_champion, primary = "", evidence.params.gates.primary
    if evidence.baseline is not None and evidence.baseline.model.hash == image.model:
        evidence.champion = evidence.differences.get(primary)
        return
    found = baseline.find(maker, model, keys)
    found, rows = common(found, test, evidence.params, "" if found.how == "committed" else baseline.otherwise(maker))
    target = contract.targets(rows[evidence.table.target], evidence.table)
    theirs = said_of(target, found.model.score(rows), found.model)
    ours = said_of(target, np.array(rows["_score"].to_list()), model)
    both = {"groups": split.keys(rows, evidence.table), "metrics": [primary]}
    evidence.champion = paired(target, theirs, ours, **both)[primary]


def common(
    main: baseline.Baseline, test: pd.DataFrame, knobs: Params, otherwise: str = ""
) -> tuple[baseline.Baseline, pd.DataFrame]:
    """Return main's model and the test rows that neither trained on; main's recipe on this split where its model cannot be used."""
    missing = [column["name"] for column in main.model.columns if column["name"] not in test]
    unseen = test[~test["_key"].isin(main.keys)] if main.how != "committed" else test
    if missing:
        why = f"main's model reads '{missing[0]}', which the table no longer has"
    elif otherwise:
        why = otherwise
    elif len(unseen) < knobs.gates.min_rows and len(unseen) < len(test):
        why = f"only {len(unseen):,} test rows are new to main's model, {knobs.gates.min_rows:,} are asked for (gates.min_rows)"
    else:
        return main, unseen.reset_index(drop=True)
    return baseline.retrain(main, list(test.columns), f"main's recipe was trained on this split: {why}"), test


def lock_state(commit: str) -> dict:
    """Return whether dvc.lock and metrics.json in the commit are what the pipeline made of this tree."""
    missing = {LOCK, METRICS} - set(dvc.git("ls-files", "--", LOCK, METRICS).split())
    if missing and os.environ.get("CI"):
        return {"status": "fail", "message": f"{_both(missing)} not in git: run `make pr` and commit both"}
    changed = {line.split()[-1] for line in dvc.git("status", "--porcelain", "--", LOCK, METRICS).splitlines()}
    if not changed:
        return {"status": "pass", "message": f"{_both({LOCK, METRICS})} what this tree makes"}
    if os.environ.get("CI"):
        fix = "run `make lock PR=<number>`, or `make pr` on an x86-64 machine, and commit what it changes"
        return {"status": "fail", "message": f"{_both(changed)} stale: {fix}"}
    if not reference_machine():
        why = "this machine's arithmetic may differ from CI's, so"
        fix = "after pushing, `make lock PR=<number>` takes CI's"
        return {"status": "warn", "message": f"{why} {_both(changed)} put back: {fix}"}
    them = "both" if len(changed) == 2 else "it"
    return {"status": "warn", "message": f"{_both(changed)} made fresh: commit {them} with your change"}


def _both(names: set[str]) -> str:
    return " and ".join(sorted(names)) + (" are" if len(names) == 2 else " is")


def latency(model: Model, test: pd.DataFrame, calls: int = 200) -> float:
    """Return the median time of one row in milliseconds, after a warm-up."""
    from mlops.encoding import encode

    rows = encode(test.head(calls), model.columns)
    times = []
    for row in (*rows[:20], *rows):
        start = time.perf_counter()
        model.score_matrix(row[None])
        times.append(time.perf_counter() - start)
    return float(np.median(times[20:]) * 1000) if len(rows) else float("nan")


def _test_rows(table: Contract, model: Model) -> pd.DataFrame:
    """Return the test rows with the model's scores, which must be those that `evaluate` wrote for exactly these rows."""
    test, predictions = read_table(PART.format("test")), read_table(PREDICTIONS)
    keys = split.keys(test, table)
    if len(test) != len(predictions) or list(keys) != list(predictions["key"]):
        raise CannotRun(
            f"{PREDICTIONS} has {len(predictions):,} rows and {PART.format('test')} {len(test):,}, or other ids: they are of different runs; run `make train`"
        )
    written, score = _finite(predictions[score_columns(model.classes)].to_numpy()), model.score(test)
    if not np.allclose(written.reshape(score.shape), score, rtol=1e-6, atol=10**-DIGITS):
        raise CannotRun(f"{PREDICTIONS} is not what {MODEL} says of {PART.format('test')}: run `make train`")
    return test.assign(_key=keys, _score=list(score))


def _finite(score: np.ndarray) -> np.ndarray:
    bad = int((~np.isfinite(score)).any(axis=tuple(range(1, score.ndim))).sum())
    if bad:
        raise CannotRun(f"{PREDICTIONS} has no number for {bad} of {len(score)} rows: run `make train` again")
    return score


def _report(path: str) -> dict | None:
    return read_json(path, "run `make train` first") if Path(path).exists() else None


def measure(
    evidence: Evidence, main: baseline.Baseline | None, model: Model, test: pd.DataFrame, train: pd.DataFrame
) -> None:
    """Fill in what the rows say: both models' metrics on `test` (with the candidate's scores in `_score`), groups, proxies."""
    table, knobs = evidence.table, evidence.params
    evidence.baseline, evidence.rows = main, test
    evidence.target = contract.targets(test[table.target], table)
    evidence.score = np.array(test["_score"].to_list())
    evidence.slices = slices.labels(test, table)
    candidate, ids = said_of(evidence.target, evidence.score, model), split.keys(test, table)
    evidence.estimates = single(evidence.target, candidate, groups=ids)
    if main is not None:
        evidence.main_score = main.model.score(test)
        other = said_of(evidence.target, evidence.main_score, main.model)
        evidence.differences = paired(evidence.target, other, candidate, groups=ids)
        evidence.slice_differences = _slice_differences(evidence, other, candidate, ids)
    for name in table.protected:
        evidence.proxies[name] = strongest(train, test, name, model.columns, knobs.gates.slices.min_class_rows)


def said_of(target, score, model: Model) -> Scores:
    """Return a model's scores as the metrics take them, with the owner's own metrics of each row."""
    # imported here: the owner's mistake is then a verdict that could not be judged, not a broken verb
    from model.metrics import per_row

    return model.said(score, per_row(target, score, model.decide(score)))


def _slice_differences(evidence: Evidence, main: Scores, candidate: Scores, ids: np.ndarray) -> dict:
    gates_, found = evidence.params.gates, {}
    for name, at in slices.singles(evidence.slices).items():
        if slices.judged(at, evidence.target, gates_.slices.min_class_rows, evidence.table.task):
            both, only = (main.at(at), candidate.at(at)), [gates_.primary]
            found[name] = paired(evidence.target[at], *both, groups=ids[at], metrics=only)[gates_.primary]
    return found
