"""The deepchecks suite itself. Runs in .venv-deepchecks: python -m mlops.pipeline.deepchecks_suite FOLDER.

FOLDER holds train.parquet and test.parquet, each the score (one column a class) and decision of every row of data/prepared.
Reads no model.
Writes reports/deepchecks.json for the gate and reports/deepchecks.html for people.
"""

import os
import re
import sys
import warnings
from difflib import get_close_matches
from pathlib import Path

from mlops import contract, params
from mlops.errors import CannotRun
from mlops.files import read_table, write_json, write_text
from mlops.paths import DEEPCHECKS, DEEPCHECKS_PAGE, PART

# What a check may show while `reports.examples` is off. PLOTS: all it has, which is column names, counts, shares and scores of
# the whole. SHARES: the sentence of each condition, but not its tables and plots, which hold rows or values. STATES: neither.
PLOTS = frozenset({
    "CalibrationScore", "ConfusionMatrixReport", "DatasetsSizeComparison", "FeatureFeatureCorrelation", "FeatureLabelCorrelation",
    "FeatureLabelCorrelationChange", "LabelDrift", "RocReport", "SimpleModelComparison", "TrainTestPerformance",
})  # fmt: skip
SHARES = frozenset({
    "ConflictingLabels", "DataDuplicates", "FeatureDrift", "IndexTrainTestLeakage", "IsSingleValue", "MixedDataTypes", "MixedNulls",
    "MultivariateDrift", "NewCategoryTrainTest", "PredictionDrift", "SpecialCharacters", "StringLengthOutOfBounds",
    "StringMismatchComparison", "TrainTestSamplesMix",
})  # fmt: skip
STATES = frozenset({"NewLabelTrainTest", "StringMismatch"})
# Checks that hold where test rows are later than train rows, and cannot where both are of all days.
DATES = frozenset({"DateTrainTestLeakageDuplicates", "DateTrainTestLeakageOverlap"})
IDS = frozenset({"IndexTrainTestLeakage"})
CLASSES = frozenset(
    {"CalibrationScore", "ConflictingLabels", "ConfusionMatrixReport", "NewLabelTrainTest", "RocReport"}
)
LEFT_OUT = {
    "BoostingOverfit": "it needs the model, and the suite is given predictions",
    "IdentifierLabelCorrelation": "id and time are no features, and its limit of 0 is broken by noise",
    "ModelInferenceTime": "it needs the model; `gates.model.latency_ms` limits the time",
    "UnusedFeatures": "it needs the model, and the suite is given predictions",
    "RegressionErrorDistribution": "it is for regression, and its limit is of a normal error",
    "OutlierSampleDetection": "it has no condition, and stops by the clock",
    "WeakSegmentsPerformance": "it takes 45 s for 10,000 rows; the slices of the contract have a gate of their own",
}
# A pair of equal rows is found only where both are looked at, so these read all rows, up to MOST of train and test; of more,
# the rows whose content has a hash that a number divides: equal rows stay together, so that shares stay what they are.
MOST = 400_000
WHOLE = frozenset({"DataDuplicates", "IndexTrainTestLeakage", "TrainTestSamplesMix"})
# Plotly and pandas put fresh ids into a page; equal results must give equal bytes.
FRESH = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|\bT_[0-9a-f]{5}")
NOT_SHOWN = "Not shown: it may hold a person's data. Set reports.examples to true in params.yaml to see it."


def main(folder: str) -> int:
    """Run the suite and write both reports; 2 and one sentence on stderr where it cannot run."""
    try:
        run(Path(folder), contract.read(), params.read())
    except CannotRun as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def without(split_by: str, table: contract.Contract) -> dict[str, str]:
    """Return {check: why} of the checks that this table leaves out; `split_by` is hash or time."""
    dates = {} if split_by == "time" else dict.fromkeys(DATES, "with `split.by: hash`, both parts are of the same days")
    ids = {} if table.id else dict.fromkeys(IDS, "data/contract.yaml names no `id`")
    regression = dict.fromkeys(CLASSES, "it is for classes") if table.task == "regression" else {}
    return LEFT_OUT | dates | ids | regression


def names(split_by: str, table: contract.Contract) -> frozenset[str]:
    """Return the checks of the suite; `split_by` is hash or time."""
    return (PLOTS | SHARES | STATES | DATES) - without(split_by, table).keys()


def check_gate(gate: list[str], split_by: str, table: contract.Contract) -> None:
    """Raise CannotRun where `gate` names a check that the suite does not run, with the nearest one that it runs."""
    known = sorted(names(split_by, table))
    absent = next((name for name in gate if name not in known), None)
    if absent is None:
        return
    left_out = without(split_by, table)
    near = get_close_matches(absent, known, 1, 0.5)
    if absent in left_out:
        fix = f"is left out of the suite ({left_out[absent]}): take it out of the list"
    else:
        fix = "is no check of the suite; " + (f"did you mean '{near[0]}'?" if near else f"known: {', '.join(known)}")
    raise CannotRun(f"params.yaml: 'deepchecks.gate' names '{absent}', which {fix}")


def run(folder: Path, table: contract.Contract, knobs: params.Params) -> None:
    """Run every check on the prepared rows and their scores in `folder`, and write reports/deepchecks.json and .html."""
    # deepchecks asks a server for its newest version when it is imported, and sends an id of this machine
    os.environ["DISABLE_DEEPCHECKS_ANONYMOUS_TELEMETRY"] = "1"
    warnings.simplefilter("ignore")  # of pandas and scikit-learn, to the authors of deepchecks
    import joblib
    import numpy as np

    np.random.seed(knobs.deepchecks.seed)
    parts = {name: data(name, table) for name in ("train", "test")}
    kept = {name: sampled(frame, table, sum(map(len, parts.values()))) for name, frame in parts.items()}
    train, test = (parts[name][kept[name]].reset_index(drop=True) for name in parts)
    test.index += len(train)
    # threads, as a process of its own would import everything again
    with joblib.parallel_config(backend="threading"):
        answers = predictions(folder, "train", table, kept["train"]) | predictions(folder, "test", table, kept["test"])
        result = suite(table, knobs).run(dataset(train, table), dataset(test, table), **answers)
    for check in result.results:
        redact(check, knobs.reports.examples)
    checks = sorted((entry(check) for check in result.results), key=lambda check: (check["check"], check["title"]))
    write_json(DEEPCHECKS, {"schema": 1, "checks": checks})
    write_text(DEEPCHECKS_PAGE, page(result))


def data(name: str, table: contract.Contract):
    """Return the rows of part `name` as the suite sees them: id, time, features, and the target as numbers."""
    columns = [*filter(None, [table.id, table.time]), *table.features, table.target]
    frame = read_table(PART.format(name), list(dict.fromkeys(columns)))
    target = contract.targets(frame[table.target], table)
    return frame.assign(**{table.target: target if table.task == "regression" else target.astype(int)})


def sampled(frame, table: contract.Contract, rows: int):
    """Return which rows are looked at, booleans [rows of the part], of train and test of so many `rows` together."""
    import numpy as np
    import pandas as pd

    if rows <= MOST:
        return np.ones(len(frame), dtype=bool)
    content = frame[[*table.features, table.target]]
    return pd.util.hash_pandas_object(content, index=False).to_numpy() % -(-rows // MOST) == 0


def dataset(frame, table: contract.Contract):
    """Return deepchecks' view of a table, made from the contract alone."""
    from deepchecks.tabular import Dataset

    categories = [name for name, column in table.features.items() if column.type in ("category", "boolean")]
    return Dataset(
        frame, label=table.target, features=list(table.features), cat_features=categories,
        index_name=table.id, datetime_name=table.time, label_type=table.task,
    )  # fmt: skip


def predictions(folder: Path, name: str, table: contract.Contract, kept) -> dict:
    """Return the arguments that stand for a model's answers on the kept rows of part `name`."""
    import numpy as np

    frame = read_table(folder / f"{name}.parquet")[kept]
    score, decision = frame.drop(columns="decision").to_numpy(dtype=float), frame["decision"].to_numpy()
    if table.task == "regression":
        return {f"y_pred_{name}": decision}
    if table.task == "binary":
        score = np.column_stack([1 - score, score])
    found = {f"y_proba_{name}": score, f"y_pred_{name}": decision.astype(int)}
    return found | {"model_classes": list(range(score.shape[1]))}


def suite(table: contract.Contract, knobs: params.Params):
    """Return deepchecks' full suite with its own conditions, without the checks of LEFT_OUT."""
    import logging

    from deepchecks.tabular import Suite
    from deepchecks.tabular.context import _DummyModel
    from deepchecks.tabular.suites import full_suite
    from deepchecks.utils.logger import set_verbosity

    set_verbosity(logging.ERROR)
    _DummyModel._predict.__name__ = "predict"  # scikit-learn 1.7 takes no other name from a regressor
    known = names(knobs.split.by, table)
    full = full_suite(n_samples=knobs.deepchecks.rows, random_state=knobs.deepchecks.seed)
    checks = [check for check in full.checks.values() if type(check).__name__ in known]
    for check in checks:
        if type(check).__name__ in WHOLE:
            check.n_samples = None
        if type(check).__name__ == "DataDuplicates":
            check.ignore_columns = [table.id] if table.id else None
    return Suite("deepchecks", *checks)


def page(result) -> str:
    """Return the result as one HTML file that loads nothing from elsewhere, with the same bytes for the same result."""
    html = result.html_serializer.serialize(output_id="deepchecks", full_html=True)
    seen: dict[str, str] = {}
    return FRESH.sub(lambda match: seen.setdefault(match[0], f"id-{len(seen)}"), html)


def redact(result, examples: bool) -> None:
    """Take out of one result what may hold rows or values of a person, unless `examples`."""
    name = type(result.check).__name__
    if hasattr(result, "exception"):
        result.exception = Exception(reason(result.exception, examples))
    elif not examples:
        if result.display and name not in PLOTS:
            result.display = [NOT_SHOWN]
        for condition in result.conditions_results:
            if name in STATES or condition.category.value == "ERROR":
                condition.details = ""


def reason(error: Exception, examples: bool) -> str:
    """Return why a check could not run; the words of other libraries may quote a value, those of deepchecks do not."""
    from deepchecks.core.errors import DeepchecksBaseError

    kind = type(error).__name__
    return f"{kind}: {error}" if examples or isinstance(error, DeepchecksBaseError) else kind


def entry(result) -> dict:
    """Return one redacted result as the gate reads it; a check that could not run has one condition, of category error."""
    name, error = type(result.check).__name__, str(getattr(result, "exception", ""))
    conditions = [
        {"name": item.name, "passed": item.is_pass(), "category": item.category.value.lower(), "details": item.details}
        for item in getattr(result, "conditions_results", [])
    ]
    if error:
        conditions = [{"name": "the check can be run", "passed": False, "category": "error", "details": error}]
    return {"check": name, "title": result.get_header(), "conditions": conditions, "error": error}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
