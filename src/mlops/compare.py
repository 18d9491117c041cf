"""Verb `compare`: main and candidate on the same rows, every gate, the verdict.

Run: mlops compare [--base origin/main] [--skip deepchecks]. Writes reports/verdict.json, report.md and report.html.
"""

import os
import time
import traceback
from pathlib import Path

import numpy as np
import pandas as pd

from mlops import baseline, contract, dvc, gates, params, slices, split, verdict
from mlops.bootstrap import Scores, paired, single
from mlops.contract import Contract
from mlops.errors import CannotRun
from mlops.files import read_json, read_table
from mlops.gates.result import Evidence
from mlops.metrics import DIGITS
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
from mlops.proxy import strongest
from mlops.repro import reference_machine

PROD = "manifests/overlays/prod"  # what prod serves, once something does
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

    for path in (VERDICT, REPORT, REPORT_PAGE):  # an old answer must not outlive a run that stops
        Path(path).unlink(missing_ok=True)
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
    print(verdict.summary(found))
    return verdict.EXIT[found["verdict"]]


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
    knobs, table = params.read(), contract.read()
    stale = dvc.stale()
    unmade = sorted(stale & NEEDED)
    if unmade:
        raise CannotRun(
            f"stage {', '.join(unmade)} is not of this tree: run `make train`, whose last lines say what stopped it"
        )
    model = Model.read()
    commit = baseline.resolve(base)
    test, keys = _test_rows(table, model), set(read_table(KEYS)["key"])
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
        skipped=skipped,
        no_champion="" if Path(PROD).exists() else "nothing is in prod yet: no champion to compare with",
    )
    main = baseline.find(commit, model, keys)
    if main is None:
        evidence.no_baseline = (
            f"first run: {commit[:8]} has neither metrics.json nor dvc.lock, so there is no model to compare with"
        )
    else:
        main, test = common(main, test, knobs, main.how != "committed" and baseline.reads_otherwise(commit))
        failing = gates.deepchecks.failing(evidence.deepchecks, broken=False).keys()
        if "deepchecks" not in skipped and failing & set(knobs.deepchecks.gate):  # it may cost main's stage
            evidence.main_deepchecks = baseline.report(commit, DEEPCHECKS)
    measure(evidence, main, model, test.drop(columns="_key"), read_table(PART.format("train")))
    return evidence


def common(
    main: baseline.Baseline, test: pd.DataFrame, knobs: Params, read_otherwise: bool = False
) -> tuple[baseline.Baseline, pd.DataFrame]:
    """Return main's model and the test rows that neither trained on; main's recipe on this split where its model cannot be used."""
    missing = [column["name"] for column in main.model.columns if column["name"] not in test]
    unseen = test[~test["_key"].isin(main.keys)] if main.how != "committed" else test
    if missing:
        why = f"main's model reads '{missing[0]}', which the table no longer has"
    elif read_otherwise:
        why = "the code that reads the table changed, so main's model may read its numbers wrongly"
    elif len(unseen) < knobs.gates.min_rows and len(unseen) < len(test):
        why = f"only {len(unseen):,} test rows are new to main's model, {knobs.gates.min_rows:,} are asked for (gates.min_rows)"
    else:
        return main, unseen.reset_index(drop=True)
    return baseline.retrain(main, list(test.columns), f"main's recipe was trained on this split: {why}"), test


def lock_state(commit: str) -> dict:
    """Return whether dvc.lock and metrics.json in the commit are what the pipeline made of this tree."""
    changed = dvc.git("status", "--porcelain", "--", LOCK, METRICS)
    if set((dvc.git("ls-files", "--", LOCK, METRICS) or "").split()) != {LOCK, METRICS} and os.environ.get("CI"):
        return {"status": "fail", "message": "dvc.lock or metrics.json is not in git: run `make pr` and commit both"}
    if not changed:
        return {"status": "pass", "message": "dvc.lock and metrics.json are what this tree makes"}
    if os.environ.get("CI"):
        return {
            "status": "fail",
            "message": "dvc.lock or metrics.json is stale: run `make lock PR=<number>`, or `make pr` on an x86-64 machine, and commit both files",
        }
    if not reference_machine():
        message = "this machine's arithmetic may differ from CI's, so dvc.lock and metrics.json stay as they were: after pushing, `make lock PR=<number>` takes CI's"
        return {"status": "warn", "message": message}
    return {"status": "warn", "message": "dvc.lock and metrics.json were made fresh: commit both with your change"}


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
    if len(test) != len(predictions) or list(test[table.id]) != list(predictions[table.id]):
        raise CannotRun(
            f"{PREDICTIONS} has {len(predictions):,} rows and {PART.format('test')} {len(test):,}, or other ids: they are of different runs; run `make train`"
        )
    written, score = _finite(predictions["score"].to_numpy()), model.score(test)
    if not np.allclose(written, score, rtol=0, atol=10**-DIGITS):
        raise CannotRun(f"{PREDICTIONS} is not what {MODEL} says of {PART.format('test')}: run `make train`")
    return test.assign(_key=split.keys(test, table), _score=score)


def _finite(score: np.ndarray) -> np.ndarray:
    bad = int((~np.isfinite(score)).sum())
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
    evidence.target = contract.positives(test[table.target], table)
    evidence.score = test["_score"].to_numpy()
    evidence.slices = slices.labels(test, table)
    candidate = _scores(evidence.target, evidence.score, model)
    ids = test[table.id].to_numpy()
    evidence.estimates = single(evidence.target, candidate, groups=ids)
    if main is not None:
        evidence.main_score = main.model.score(test)
        other = _scores(evidence.target, evidence.main_score, main.model)
        evidence.differences = paired(evidence.target, other, candidate, groups=ids)
        evidence.slice_differences = _slice_differences(evidence, other, candidate)
    for name in table.protected:
        evidence.proxies[name] = strongest(train, test, name, model.columns, knobs.gates.slices.min_class_rows)


def _scores(target, score, model: Model) -> Scores:
    # imported here: the owner's mistake is then a verdict that could not be judged, not a broken verb
    from model.metrics import per_row

    return Scores(score, model.threshold, per_row(target, score, score >= model.threshold))


def _slice_differences(evidence: Evidence, main: Scores, candidate: Scores) -> dict:
    gates_, found = evidence.params.gates, {}
    for name, at in slices.singles(evidence.slices).items():
        if slices.judged(at, evidence.target, gates_.slices.min_class_rows):
            parts = [
                Scores(model.score[at], model.threshold, {k: v[at] for k, v in model.extra.items()})
                for model in (main, candidate)
            ]
            ids = evidence.rows[evidence.table.id].to_numpy()[at]
            found[name] = paired(evidence.target[at], *parts, groups=ids, metrics=[gates_.primary])[gates_.primary]
    return found
