"""What the pull request changes: params, data and code, against the commit it is compared with."""

import json
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from pydantic import ValidationError

from mlops import baseline, dvc
from mlops.contract import Contract
from mlops.files import read_table
from mlops.gates.result import Evidence
from mlops.paths import CONTRACT, PARAMS, PART
from mlops.protected import protected

BINS = 10
FREE = ("train", "search", "data")  # sections of params.yaml that say what is made, not what passes


@dataclass(frozen=True)
class Changes:
    """params and contract: (key, main, this); data: lines to read; drift: (column, PSI), strongest first, None where it could
    not be measured; files and protected: paths; inputs: the model's, each with + or -.
    """

    params: list[tuple[str, str, str]]
    data: list[str]
    drift: list[tuple[str, float]] | None
    files: list[str]
    protected: list[str]
    inputs: list[str] = field(default_factory=list)
    contract: list[tuple[str, str, str]] = field(default_factory=list)


def changes(evidence: Evidence, commit: str) -> Changes:
    """Return what differs between the tree in this folder and `commit`."""
    since = dvc.git("merge-base", commit, "HEAD", check=False) or commit
    # both names of a renamed file, and no quotes around names that are not ASCII: a protected path stays one
    known = dvc.git("diff", "--name-only", "--no-renames", "-z", since)
    new = dvc.git("ls-files", "--others", "--exclude-standard", "-z")
    files = sorted({*known.split("\0"), *new.split("\0")} - {""})
    main = baseline.committed(commit) if evidence.baseline else None
    params = _differing(_flat(_at(since, PARAMS)), _flat(_here(PARAMS)))
    old, new = _at(since, CONTRACT), _here(CONTRACT)
    same = _at(commit, PARAMS).get("split") == _here(PARAMS).get("split")
    return Changes(
        params,
        _data(evidence.metrics, main[0], same) if main else ["main has no data to compare with"],
        _drift(evidence, main) if main else [],
        files,
        _protected(files, [key for key, *_ in params]),
        _inputs(old, new),
        _contract(old, new),
    )


def _at(commit: str, path: str) -> dict:
    """Return a YAML file of `commit`, {} where it has none that can be read."""
    return _mapping(dvc.git("show", f"{commit}:{path}", check=False) or "")


def _here(path: str) -> dict:
    return _mapping(Path(path).read_text(encoding="utf-8")) if Path(path).exists() else {}


def _mapping(text: str) -> dict:
    try:
        values = yaml.safe_load(text)
    except yaml.YAMLError:
        return {}
    return values if isinstance(values, dict) else {}


def _protected(files: list[str], keys: list[str]) -> list[str]:
    """Return the protected paths; params.yaml is one where more than the model and its data differ in it."""
    free = all(key.split(".")[0] in FREE for key in keys)
    return [path for path in protected(files) if path != PARAMS or not free]


def _inputs(before: dict, after: dict) -> list[str]:
    """Return what the model no longer reads and what it newly reads; nothing where a contract is none of today's."""
    try:
        old, new = (Contract.model_validate(values).features for values in (before, after))
    except ValidationError:
        return []
    return [f"-{name}" for name in old if name not in new] + [f"+{name}" for name in new if name not in old]


def _contract(before: dict, after: dict) -> list[tuple[str, str, str]]:
    """Return the keys of the contract that differ; a column that comes or goes is one, and is no list of its keys."""
    old, new = (values.get("columns") or {} for values in (before, after))
    both = [{name: value[name] for name in value if name in old and name in new} for value in (old, new)]
    rest = [_flat({**values, "columns": each}) for values, each in zip((before, after), both, strict=True)]
    gone = [(f"columns.{name}", "there", "-") for name in old if name not in new]
    return gone + [(f"columns.{name}", "-", "there") for name in new if name not in old] + _differing(*rest)


def psi(main: np.ndarray, this: np.ndarray, codes: int = 0) -> float:
    """Return the population stability index of two columns, in tenths of main's values (or `codes` categories).

    Siddiqi, Credit Risk Scorecards (2006): sum (p - q) ln(p / q); missing values are a bin of their own.
    """
    edges = np.arange(-0.5, codes) if codes else np.unique(np.nanquantile(main, np.linspace(0, 1, BINS + 1))[1:-1])
    shares = [_shares(values, edges) for values in (main, this)]
    return float(((shares[1] - shares[0]) * np.log(shares[1] / shares[0])).sum())


def _shares(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    bins = np.where(np.isnan(values), len(edges) + 1, np.searchsorted(edges, values, side="right"))
    counts = np.bincount(bins, minlength=len(edges) + 2)
    return np.maximum(counts, 0.5) / len(values)


def _flat(values, prefix: str = "") -> dict[str, str]:
    if not isinstance(values, dict) or (prefix and not values):
        return {prefix: json.dumps(values, default=str, ensure_ascii=False)}
    return {
        key: value
        for name, inner in values.items()
        for key, value in _flat(inner, f"{prefix}.{name}" if prefix else name).items()
    }


def _differing(before: dict[str, str], after: dict[str, str]) -> list[tuple[str, str, str]]:
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return [(name, before.get(name, "-"), after.get(name, "-")) for name in names]


def _data(this: dict, main: dict, same_split: bool) -> list[str]:
    same = this["data_hash"] == main["data_hash"]
    if same and same_split and this["rows"] == main["rows"]:
        return [f"the same data, `{this['data_hash'][:12]}`, in the same parts"]
    words = {name: (main["rows"].get(name, 0), this["rows"][name]) for name in this["rows"]}
    window = [
        f"months {m['window']['start']} to {m['window']['end']}" if m["window"] else "all rows" for m in (main, this)
    ]
    rows = "rows " + ", ".join(f"{name} {old:,} -> {new:,}" for name, (old, new) in words.items())
    if same:
        return [f"the same data, `{this['data_hash'][:12]}`, in other parts", rows]
    return [
        f"data `{main['data_hash'][:12]}` -> `{this['data_hash'][:12]}`",
        f"{window[0]} -> {window[1]}" if window[0] != window[1] else window[0],
        rows,
    ]


def _drift(evidence: Evidence, main: tuple[dict, dict]) -> list[tuple[str, float]] | None:
    """PSI of each feature between the two training sets; empty where the data are the same, None where main's are in no cache."""
    from mlops.encoding import encode, spec

    if main[0]["data_hash"] == evidence.metrics["data_hash"]:
        return []
    before = _main_training_rows(main[1])
    if before is None:
        return None
    columns = [column for column in spec(evidence.table) if column["name"] in before]
    old, new = (encode(frame, columns) for frame in (before, read_table(PART.format("train"))))
    found = [(column["name"], psi(old[:, i], new[:, i], len(column["categories"]))) for i, column in enumerate(columns)]
    return sorted(found, key=lambda item: -item[1])


def _main_training_rows(lock: dict) -> pd.DataFrame | None:
    cache = dvc.cache_folder()
    listing = dvc.cached(dvc.out_hash(lock, "data/prepared"), cache)
    files = {item["relpath"]: item["md5"] for item in json.loads(listing or b"[]")}
    data = dvc.cached(files.get("train.parquet"), cache)
    return None if data is None else pd.read_parquet(BytesIO(data))
