"""Main's model, wherever its bytes are: this tree, the cache, the remote; else trained again from main's own tree."""

import json
import subprocess
import sys
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import pandas as pd
import yaml

from mlops import dvc
from mlops.contract import Contract
from mlops.errors import CannotRun
from mlops.files import sha256
from mlops.onnx_model import Model
from mlops.paths import CONTRACT, FINGERPRINT, KEYS, LOCK, METRICS, MODEL

SCHEMA = 1
USED = {"model_hash", "data_hash", "window", "rows", "metrics", "slices", "parity"}


@dataclass
class Baseline:
    """What the candidate is compared with.

    how: rescored (main's own bytes), committed (the candidate is main's model) or trained (main's recipe, trained here);
    keys: hashes of the rows its training saw; note: why it is not simply main's bytes.
    """

    commit: str
    how: str
    model: Model
    keys: set = field(default_factory=set)
    metrics: dict = field(default_factory=dict)
    note: str = ""


def resolve(base: str | None, root=".") -> str:
    """Return the commit of `base`, or of origin/main, or of main; raises CannotRun where there is none."""
    names = [base] if base else ["origin/main", "main"]
    for name in names:
        commit = dvc.git("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}", root=root, check=False)
        if commit:
            return commit
    if base:
        raise CannotRun(f"BASE is '{base}', and there is no such commit here: `git fetch` may bring it")
    if not dvc.git("remote", root=root):
        raise CannotRun("there is neither a branch `main` nor a remote to compare with: name a commit with BASE=")
    raise CannotRun(
        "origin/main is not known here: run `git fetch origin main:refs/remotes/origin/main`, or name a commit with BASE="
    )


def committed(commit: str, root=".") -> tuple[dict, dict] | None:
    """Return (metrics, lock) of `commit`; None where it has neither, which is a first run.

    Raises CannotRun where one of them is absent or broken: a baseline that should be there must not be waved through.
    """
    there = dvc.git("ls-tree", "--name-only", commit, METRICS, LOCK, root=root).split()
    if not there and not _ever(commit, root):
        return None
    texts = [dvc.git("show", f"{commit}:{name}", root=root) if name in there else None for name in (METRICS, LOCK)]
    fix = "run `make pr` on main and commit metrics.json and dvc.lock there"
    for name, text in zip((METRICS, LOCK), texts, strict=True):
        if text is None:
            raise CannotRun(f"{name} of main ({commit[:8]}) is absent: {fix}")
    metrics = parse_metrics(texts[0], f"{METRICS} of main ({commit[:8]})")
    return metrics, dvc.parse_lock(texts[1], f"dvc.lock of main ({commit[:8]})")


def _ever(commit: str, root) -> bool:
    """Whether a commit before `commit` had a lock: deleting it must not make the next pull request a first run."""
    if dvc.git("rev-parse", "--is-shallow-repository", root=root) == "true":
        raise CannotRun(
            "this clone is shallow, so it cannot be told whether main ever had a model: run `git fetch --unshallow`"
        )
    return bool(dvc.git("log", "-1", "--format=%h", commit, "--", METRICS, LOCK, root=root))


def parse_metrics(text: str, name: str) -> dict:
    """Return the content of metrics.json; raises CannotRun where it is broken or of another schema."""
    fix = "run `make pr` there and commit metrics.json and dvc.lock"
    try:
        metrics = json.loads(text)
    except ValueError as error:
        raise CannotRun(f"{name} is not valid JSON ({error}): {fix}") from None
    schema = metrics.get("schema") if isinstance(metrics, dict) else None
    if schema != SCHEMA or not metrics.keys() >= USED:
        raise CannotRun(f"{name} has schema {schema!r}, or lacks a key, and this template reads {SCHEMA}: {fix}")
    return metrics


def other_question(commit: str, root=".") -> str:
    """Return why main's model answers another question than this tree's contract asks, "" where it is the same one."""
    main = _asked_by(commit, root)
    this = _asked(yaml.safe_load((Path(root) / CONTRACT).read_text(encoding="utf-8")))
    differing = [f"{key} {main[key]} -> {this[key]}" for key in this if main[key] != this[key]]
    return (
        f"main's model answers another question ({'; '.join(differing)}), so there is nothing to compare with"
        if differing
        else ""
    )


def table(commit: str, root=".") -> str:
    """Return the name of main's table."""
    return _asked_by(commit, root)["table"]


def _asked_by(commit: str, root) -> dict:
    text = dvc.git("show", f"{commit}:{CONTRACT}", root=root, check=False)
    try:
        return _asked(yaml.safe_load(text or ""))
    except (yaml.YAMLError, KeyError, TypeError, AttributeError):
        raise CannotRun(f"{CONTRACT} of main ({commit[:8]}) cannot be read: mend it there first") from None


def _asked(values: dict) -> dict:
    """What a contract asks of a model; a table without a name is called as mlops.contract says."""
    values = {"table": Contract.model_fields["table"].default} | values
    target = values["columns"][values["target"]]
    classes = target["categories"] if values["task"] == "multiclass" else None
    return {key: values.get(key) for key in ("table", "task", "target", "positive")} | {"classes": classes}


def find(commit: str, candidate: Model, candidate_keys: set, root=".") -> Baseline | None:
    """Return main's model and training keys by hash, from cache or remote, else by running main's pipeline.

    None where `commit` has no model yet. Raises CannotRun where there should be one and cannot be had.
    """
    main = committed(commit, root)
    if main is None:
        return None
    metrics, lock = main
    if metrics["model_hash"] == candidate.hash:
        return Baseline(
            commit, "committed", candidate, candidate_keys, metrics, "the candidate is main's model, byte for byte"
        )
    found = _from_cache(lock, metrics["model_hash"], dvc.cache_folder(root))
    if found:
        return Baseline(commit, "rescored", *found, metrics)
    with dvc.worktree(commit, root) as tree:
        return _from_tree(commit, metrics, lock, tree, root)


def otherwise(commit: str, root=".") -> str:
    """Return why main's model or its training keys may mean something else on this tree's rows, "" where they do not."""
    main, path = committed(commit, root), Path(root) / FINGERPRINT
    values = main[1]["stages"].get("ingest", {}).get("params", {}).get(FINGERPRINT, {})
    if values.get("ingest") != json.loads(path.read_text(encoding="utf-8"))["ingest"]:
        return "the code that reads the table changed, so main's model may read its numbers wrongly"
    texts = dvc.git("show", f"{commit}:{CONTRACT}", root=root), (Path(root) / CONTRACT).read_text(encoding="utf-8")
    theirs, ours = (values.get("group") or values.get("id") for values in map(yaml.safe_load, texts))
    if theirs != ours:
        return f"the split is by '{ours}' instead of '{theirs}', so nobody knows which rows main's model was trained on"
    return ""


def retrain(main: Baseline, available: list[str], why: str, root=".") -> Baseline:
    """Return main's recipe (its code, params and contract) trained on the candidate's split.

    available: the columns of the candidate's table; a feature that is not among them is left out of main's contract.
    """
    with dvc.worktree(main.commit, root) as tree:
        (tree / "data" / "prepared").symlink_to(Path(root, "data/prepared").resolve())
        table = yaml.safe_load((tree / CONTRACT).read_text(encoding="utf-8"))
        for name, column in table["columns"].items():
            column["feature"] = column.get("feature", True) and name in available
        (tree / CONTRACT).write_text(yaml.safe_dump(table, sort_keys=False), encoding="utf-8")
        if why_not := verb("train", tree):
            raise CannotRun(f"main's recipe ({main.commit[:8]}) cannot be trained on this split: {why_not}")
        return Baseline(main.commit, "trained", *_files(tree), main.metrics, why)


def verb(name: str, tree: Path) -> str:
    """Run a verb of another tree, on its own source; return why it failed, "" where it did not."""
    command = [sys.executable, "-m", "mlops", name]
    done = subprocess.run(command, cwd=tree, env=dvc.environment(tree), capture_output=True, text=True)
    return dvc.last_line(done.stderr) if done.returncode else ""


def report(commit: str, path: str, root=".") -> dict | None:
    """Return a JSON output of main's pipeline by its hash; main's stage is run again where it is nowhere; None if never made."""
    main = committed(commit, root)
    if main is None or dvc.out_hash(main[1], path) is None:
        return None
    try:
        return json.loads(output(commit, path, root))
    except CannotRun as error:
        print(f"compare: {error}, so it excuses nothing")
        return None


def output(commit: str, path: str, root=".") -> bytes:
    """Return an output of main's pipeline by its hash, from cache or remote; its stage is run again where it is nowhere.

    Raises CannotRun where it cannot be made here either.
    """
    lock = committed(commit, root)[1]
    md5, cache = dvc.out_hash(lock, path), dvc.cache_folder(root)
    data = dvc.cached(md5, cache)
    if data is not None:
        return data
    with dvc.worktree(commit, root) as tree:
        dvc.fetch([path], tree)
        makers = [name for name, stage in lock["stages"].items() if dvc.out_hash({"stages": {name: stage}}, path)]
        if dvc.cached(md5, cache) is None and dvc.repro(makers, tree):
            raise CannotRun(f"{path} of main ({commit[:8]}) is in no cache and cannot be made here")
        return dvc.cached(md5, cache) or (tree / path).read_bytes()


def _from_cache(lock: dict, model_hash: str, cache: Path) -> tuple[Model, set] | None:
    model, keys = (dvc.cached(dvc.out_hash(lock, path), cache) for path in (MODEL, KEYS))
    if model is None or keys is None:
        return None
    if sha256(model) != model_hash:  # first: half a model cannot be read either
        raise CannotRun(
            f"main's model in the cache has sha256 {sha256(model)[:12]}, its metrics.json says {model_hash[:12]}: delete .dvc/cache, then run `make pr` on main"
        )
    return Model(model, "main's models/model.onnx"), _keys(keys)


def _from_tree(commit: str, metrics: dict, lock: dict, tree: Path, root) -> Baseline:
    failed = dvc.fetch([MODEL, KEYS], tree)
    found = _from_cache(lock, metrics["model_hash"], dvc.cache_folder(root))
    if found:
        return Baseline(commit, "rescored", *found, metrics)
    print(f"compare: main's model is in no cache{failed and f' ({failed})'}: training it from main's tree", flush=True)
    if dvc.repro(["train"], tree):
        raise CannotRun(
            f"main's model ({commit[:8]}) is in no cache and could not be trained again: the lines above say why"
        )
    model, keys = _files(tree)
    if model.hash == metrics["model_hash"]:
        return Baseline(commit, "rescored", model, keys, metrics)
    note = f"main's own model {metrics['model_hash'][:12]} was not to be had; its tree trained here gives {model.hash[:12]}"
    return Baseline(commit, "trained", model, keys, metrics, note)


def _files(tree: Path) -> tuple[Model, set]:
    return Model.read(tree / MODEL), _keys((tree / KEYS).read_bytes())


def _keys(data: bytes) -> set:
    return set(pd.read_parquet(BytesIO(data))["key"])
