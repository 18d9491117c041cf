"""What the pull request changes: params, data and code, against the commit it is compared with."""

import json
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from mlops import baseline, dvc
from mlops.files import read_table
from mlops.gates.result import Evidence
from mlops.paths import PARAMS, PART
from mlops.protected import protected

BINS = 10


@dataclass(frozen=True)
class Changes:
    """params: (key, main, this); data: lines to read; drift: (column, PSI), strongest first; files and protected: paths."""

    params: list[tuple[str, str, str]]
    data: list[str]
    drift: list[tuple[str, float]]
    files: list[str]
    protected: list[str]


def changes(evidence: Evidence, commit: str) -> Changes:
    """Return what differs between the tree in this folder and `commit`."""
    since = dvc.git("merge-base", commit, "HEAD", check=False) or commit
    # both names of a renamed file, and no quotes around names that are not ASCII: a protected path stays one
    known = dvc.git("diff", "--name-only", "--no-renames", "-z", since)
    new = dvc.git("ls-files", "--others", "--exclude-standard", "-z")
    files = sorted({*known.split("\0"), *new.split("\0")} - {""})
    before = yaml.safe_load(dvc.git("show", f"{commit}:{PARAMS}", check=False) or "{}")
    main = baseline.committed(commit)
    return Changes(
        _differing(_flat(before), _flat(yaml.safe_load(Path(PARAMS).read_text(encoding="utf-8")))),
        _data(evidence.metrics, main[0]) if main else ["main has no data to compare with"],
        _drift(evidence, main) if main else [],
        files,
        protected(files),
    )


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
    if not isinstance(values, dict) or not values:
        return {prefix: json.dumps(values, default=str)}
    return {
        key: value
        for name, inner in values.items()
        for key, value in _flat(inner, f"{prefix}.{name}" if prefix else name).items()
    }


def _differing(before: dict[str, str], after: dict[str, str]) -> list[tuple[str, str, str]]:
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return [(name, before.get(name, "-"), after.get(name, "-")) for name in names]


def _data(this: dict, main: dict) -> list[str]:
    if this["data_hash"] == main["data_hash"] and this["rows"] == main["rows"]:
        return [f"the same data, `{this['data_hash'][:12]}`, in the same parts"]
    words = {name: (main["rows"].get(name, 0), this["rows"][name]) for name in this["rows"]}
    window = [f"months {m['window']['start']} to {m['window']['end']}" for m in (main, this)]
    return [
        f"data `{main['data_hash'][:12]}` -> `{this['data_hash'][:12]}`",
        f"{window[0]} -> {window[1]}" if window[0] != window[1] else window[0],
        "rows " + ", ".join(f"{name} {old:,} -> {new:,}" for name, (old, new) in words.items()),
    ]


def _drift(evidence: Evidence, main: tuple[dict, dict]) -> list[tuple[str, float]]:
    """PSI of each feature between the two training sets; empty where they are the same or main's rows are in no cache."""
    from mlops.encoding import encode, spec

    before = _main_training_rows(main[1])
    if main[0]["data_hash"] == evidence.metrics["data_hash"] or before is None:
        return []
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
