"""Verb `search`: better params, proposed as a diff. Run: mlops search. It reads training rows only, and params.yaml stays.

Each candidate is a DVC experiment (`dvc exp show`): a commit on HEAD with its params.yaml, and its cross-validated score
as metrics.json. git makes it beside the working tree; no stage of dvc.yaml searches, so that no pull request does.
"""

import json
import subprocess
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed
from scipy.stats import sem
from sklearn.model_selection import ParameterGrid, ParameterSampler

from mlops import contract, dvc, metrics, params
from mlops.encoding import spec
from mlops.errors import CannotRun
from mlops.files import read_table, sha256
from mlops.paths import METRICS, PARAMS, PART
from mlops.pipeline.train import calibrated, fit, predicted, unfitted
from mlops.split import keys
from mlops.task import decide
from mlops.yamledit import edited
from model.metrics import per_row

DIFF = "reports/search.diff"
LEAST = 0.0001  # a smaller gain is not worth a pull request, however sure
CLEAR = 3  # standard errors: where none of 12 is better, the best of 4 folds passes in 13 % of searches, at 1 in 58 %


def run(args) -> None:
    """Cross-validate the candidates, keep each as an experiment, print the table, and a diff where one is clearly better."""
    knobs, table, rows = params.read(), contract.read(), read_table(PART.format("train"))
    tried, metric, head = candidates(knobs, table), metrics.named(knobs.gates.primary), dvc.git("rev-parse", "HEAD")
    tree = dvc.git("rev-parse", f"{dvc.git('stash', 'create') or head}^{{tree}}")  # uncommitted changes are in it
    print(f"search: {len(tried)} candidates, {knobs.search.folds} folds of {len(rows):,} training rows")
    print(f"{'experiment':<15} {metric.name:>10} {'std. error':>10}  params")
    scores, refs = [], []
    for changes in tried:
        scores.append(cross_validate(changes, rows, table, knobs))
        found = {f"cv_{metric.name}": scores[-1].mean(), "cv_standard_error": sem(scores[-1])}
        refs.append(record(head, tree, proposal(knobs.train, changes), metrics.rounded(found)))
        shown = " ".join(f"{value:>10.4f}" for value in found.values())
        print(f"{Path(refs[-1]).name} {shown}  {named(changes)}", flush=True)
    print(
        f"search: `dvc exp show --drop '.*' --keep 'Experiment|cv_.*|train.estimators.{knobs.train.estimator}.*'` lists them"
    )
    best, gain, error = better(np.array(scores), metric.sign)
    print(f"search: best on training rows: {named(tried[best])}, by {gain:.4f} with a standard error of {error:.4f}")
    Path(DIFF).parent.mkdir(exist_ok=True)
    Path(DIFF).unlink(missing_ok=True)
    if gain <= max(CLEAR * error, LEAST):
        print("search: nothing is clearly better than the present params")
        return
    dvc.git("diff-tree", "-p", f"--output={DIFF}", tree, refs[best], "--", PARAMS)
    print(Path(DIFF).read_text("utf-8"))
    print(f"search: `git apply {DIFF}` takes it; the pull request judges it on test rows")


def candidates(knobs: params.Params, table: contract.Contract) -> list[dict]:
    """Return what each candidate changes in the chosen estimator's arguments: nothing, then draws without repetition.

    Raises CannotRun where search.space has no values for the estimator, or an argument that it does not know.
    """
    name, present, runs = knobs.train.estimator, knobs.train.options, knobs.search.runs
    space, known = (
        knobs.search.space.get(name),
        unfitted(spec(table), knobs.train, table.task).steps[-1][1].get_params(),
    )
    if not space or not all(space.values()):
        raise CannotRun(f"{PARAMS}: search.space.{name} has no values to try: write {{argument: [value, value]}}")
    if unknown := sorted(space.keys() - known):
        raise CannotRun(f"{PARAMS}: search.space.{name}: unknown argument '{unknown[0]}'; known: {', '.join(known)}")
    draws = ParameterSampler(space, min(runs, len(ParameterGrid(space))), random_state=knobs.train.seed)
    found = [{key: new for key, new in draw.items() if repr(new) != repr(present.get(key))} for draw in draws]
    return list({repr(changes): changes for changes in [{}, *found]}.values())[:runs]


def named(changes: dict) -> str:
    """Return a candidate's changes for people."""
    return " ".join(f"{name}={value}" for name, value in changes.items()) or "the present params"


def folds_of(row_keys: np.ndarray, knobs: params.Params) -> tuple[np.ndarray, np.ndarray]:
    """Return each row's fold and whether it stands in for a validation row, both [rows], by its key, which is a hash."""
    fold, rest = np.array([divmod(int(key, 16), knobs.search.folds)[::-1] for key in row_keys]).T
    return fold, rest % (knobs.split.train + knobs.split.validation) < knobs.split.validation


def cross_validate(changes: dict, rows, table: contract.Contract, knobs: params.Params, jobs: int = -1) -> np.ndarray:
    """Return the primary metric on each fold of the recipe fitted on the others, [folds]; jobs: processes, -1 for all cores."""
    train = knobs.train.model_copy(update={"estimators": {knobs.train.estimator: knobs.train.options | changes}})
    fold, inner = folds_of(keys(rows, table), knobs)
    masks = [((fold != at) & ~inner, (fold != at) & inner, fold == at) for at in range(knobs.search.folds)]
    tasks = (delayed(fold_score)(*(rows[mask] for mask in each), table, train, knobs.gates.primary) for each in masks)
    return np.array(Parallel(n_jobs=jobs)(tasks))


def fold_score(fitting, finishing, judging, table: contract.Contract, train: params.Train, metric: str) -> float:
    """Return the metric on the rows `judging` of a model fitted and finished on the others; raises CannotRun where it has none."""
    fitted = fit(fitting, finishing, table, train)
    score = calibrated(predicted(fitted["pipeline"], judging, spec(table), table.task), fitted["calibration"])
    target, decision = contract.targets(judging[table.target], table), decide(table.task, score, fitted["threshold"])
    extra = per_row(target, score, decision)
    said = metrics.Scores(score, fitted["threshold"], extra, table.task, table.classes)
    value = metrics.evaluate(target, said, [metric])[metric]
    if not np.isfinite(value):
        raise CannotRun(f"{PARAMS}: a fold of {len(target)} rows has one class only: lower search.folds")
    return value


def better(scores: np.ndarray, sign: int) -> tuple[int, float, float]:
    """Return the best of [candidates, folds], its mean gain over the first, and the standard error of the paired gain."""
    gain = sign * (scores - scores[0])
    best = int(np.argmax(gain.mean(axis=1)))
    return best, float(gain[best].mean()), float(sem(gain[best]))


def proposal(train: params.Train, changes: dict) -> str:
    """Return the text of params.yaml with those arguments of the chosen estimator."""
    text = Path(PARAMS).read_bytes().decode()  # line ends as they are
    for name, value in changes.items():
        text = edited(text, ["train", "estimators", train.estimator, name], value)
    return text


def record(head: str, tree: str, text: str, found: dict) -> str:
    """Keep one candidate as an experiment on `head`, named for its params.yaml, and return its git reference."""
    ref = f"refs/exps/{head[:2]}/{head[2:]}/search-{sha256(text.encode())[:8]}"  # where DVC keeps them
    stream = f'commit {ref}\ncommitter mlops <search@localhost> now\ndata 0\nfrom {head}\nM 040000 {tree} ""\n'
    for path, content in {PARAMS: text, METRICS: json.dumps(found, indent=2) + "\n"}.items():
        stream += f"M 100644 inline {path}\ndata {len(content.encode())}\n{content}\n"
    command = ["git", "fast-import", "--quiet", "--force", "--date-format=now"]
    subprocess.run(command, input=stream.encode(), check=True)
    return ref
