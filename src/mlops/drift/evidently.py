"""Evidently's own page of the newest window with rows enough, for people who read it elsewhere: reports/evidently.html. It decides nothing.

Evidently 0.7 needs pandas before 3, so it runs in an environment of its own: python -m mlops.drift.evidently FOLDER, which holds
reference.parquet, current.parquet and columns.json. That part imports nothing else of mlops.
No row is on the page: it has histograms and means, whose ends SHARED rows have, and the categories that the contract names.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from mlops.errors import CannotRun
from mlops.files import write_json, write_table, write_text
from mlops.paths import EVIDENTLY_PAGE

PYTHON = ".venv-monitor/bin/python"
MODULE = "mlops.drift.evidently"
ROWS = 100_000  # of each, drawn
SHARED = 10  # rows
PARTS = 10  # of the rows in their order: Evidently draws the mean of each
LONGEST = 600  # seconds
ABSENT = "Evidently: not configured (no .venv-monitor: make setup-monitor)"


def newest(seen: Sequence, fewest: int):
    """Return the newest window with at least `fewest` rows, None where there is none."""
    return next((one.window for one in reversed(seen) if one.rows >= fewest), None)


def page(reference: Iterable, current: Iterable | None, scored: Callable, table, out: str = EVIDENTLY_PAGE) -> str:
    """Write the page, and return a sentence that says where it is, or why there is none.

    reference, current: chunks of rows, of which none is read where Evidently is not installed; current is None where no window has
    rows enough. scored: adds the champion's scores to rows.
    """
    Path(out).unlink(missing_ok=True)
    if not Path(PYTHON).exists():
        return ABSENT
    if current is None:
        return "Evidently: no window has rows enough"
    try:
        with tempfile.TemporaryDirectory() as folder:
            _put(Path(folder), scored(drawn(reference)), scored(drawn(current)), table)
            _execute(folder)
            write_text(out, Path(folder, "page.html").read_text(encoding="utf-8"))
    except (CannotRun, OSError) as error:  # what drift has found stays what it is
        return f"Evidently: no page: {error}"
    return f"Evidently: {out}"


def drawn(chunks: Iterable[pd.DataFrame], seed: int = 0) -> pd.DataFrame:
    """Return at most ROWS of the rows, drawn at random, in the order in which they came."""
    random, kept = np.random.default_rng(seed), []
    for chunk in chunks:
        kept.append(chunk.assign(_drawn=random.random(len(chunk))))
        if sum(map(len, kept)) > ROWS:
            kept = [pd.concat(kept, ignore_index=True).nsmallest(ROWS, "_drawn").sort_index()]
    if not kept:
        raise CannotRun("its window has no rows any more")
    return pd.concat(kept, ignore_index=True).drop(columns="_drawn")


def shown(frame: pd.DataFrame, table) -> pd.DataFrame:
    """Return what Evidently is given of rows: every number and category that drift looks at, and the scores."""
    from mlops.drift.looked import SCORE, watched
    from mlops.drift.summary import Numbers

    kinds = {name: kind for name, kind in watched(table).items() if name in frame}
    kinds |= {name: Numbers for name in frame if name.startswith(SCORE)}
    columns = {
        name: bounded(numbers(frame[name])) if kind is Numbers else named(frame[name], table.columns[name])
        for name, kind in kinds.items()
    }
    return pd.DataFrame(columns, index=frame.index)


def numbers(values: pd.Series) -> np.ndarray:
    """Return a column as numbers, NaN where a row has none; an infinite one is none."""
    found = pd.to_numeric(values, errors="coerce").to_numpy(np.float64, na_value=np.nan)
    return np.where(np.isfinite(found), found, np.nan)


def bounded(values: np.ndarray) -> np.ndarray:
    """Return numbers of which the smallest and the largest are round, and are SHARED rows' own: a page says where its axes end.

    A part of the rows with fewer than SHARED numbers has none, as a mean of one row is that row.
    """
    part = places(len(values))
    known = np.bincount(part, weights=~np.isnan(values), minlength=PARTS)
    values = np.where(known[part] < SHARED, np.nan, values)
    rising = np.sort(values[~np.isnan(values)])
    if len(rising) < 3 * SHARED:  # fewer may end at a value of one row
        return np.full(len(values), np.nan)
    low, high = rising[SHARED - 1], rising[-SHARED]
    if low < high:
        digits = 2 - int(np.floor(np.log10(high - low)))
        low, high = _rounded(low, digits, np.ceil), _rounded(high, digits, np.floor)
    return np.clip(values, low, high)


def places(rows: int) -> np.ndarray:
    """Return the part of each row, of PARTS that are of one size."""
    return np.arange(rows) * PARTS // max(rows, 1)


def named(values: pd.Series, column) -> pd.Series:
    """Return a category as the contract names it; what it does not name is 'undeclared', as in every report."""
    if column.type == "boolean":
        return pd.Series(numbers(values), index=values.index).map({0.0: "false", 1.0: "true"}).fillna("missing")
    words = values.astype(object).where(values.notna(), "missing").astype(str)
    return words.where(words.isin([*column.categories, "missing"]), "undeclared").map(plain)


def plain(text: str) -> str:
    """Return a name that cannot end the script in which the page holds it: Evidently writes it there as it is."""
    return re.sub("<(?=[/!])", "‹", text)


def _rounded(value: float, digits: int, toward: Callable) -> float:
    return float(np.round(toward(value * 10.0**digits) / 10.0**digits, digits))


def _put(folder: Path, reference: pd.DataFrame, current: pd.DataFrame, table) -> None:
    """Write what Evidently is given; columns without a value in one of the two are left out, as it stops at them."""
    both = [shown(each, table).rename(columns=plain) for each in (reference, current)]
    names = [name for name in both[1] if all(name in each and each[name].notna().any() for each in both)]
    if not names:
        raise CannotRun("no column has values enough in both")
    numeric = [name for name in names if pd.api.types.is_numeric_dtype(both[1][name])]
    for name, frame in zip(("reference", "current"), both, strict=True):
        write_table(folder / f"{name}.parquet", frame[names])
    write_json(
        folder / "columns.json", {"numbers": numeric, "categories": [each for each in names if each not in numeric]}
    )


def _execute(folder: str) -> None:
    """Run Evidently; raises CannotRun with the last line of what it said where it fails."""
    # what mlops.pins turns off is named as the main environment's numpy names it
    environment = {name: value for name, value in os.environ.items() if name != "NPY_DISABLE_CPU_FEATURES"}
    try:
        done = subprocess.run(
            [PYTHON, "-W", "ignore", "-m", MODULE, folder],
            env=environment | {"DO_NOT_TRACK": "1"},
            capture_output=True, text=True, errors="replace", timeout=LONGEST,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise CannotRun(f"Evidently was stopped after {LONGEST} s") from None
    except OSError as error:
        raise CannotRun(f"{PYTHON} does not start ({error.strerror}): make setup-monitor") from None
    if done.returncode:
        last = next((line.strip() for line in reversed(done.stderr.splitlines()) if line.strip()), "it said nothing")
        raise CannotRun(f"Evidently stopped (exit {done.returncode}): {last[:200]}")
    if not Path(folder, "page.html").exists():
        raise CannotRun("Evidently wrote none")


def main(folder: str) -> int:
    """Write page.html into the folder; 1 and one line on stderr where Evidently fails."""
    try:
        _report(Path(folder))
    except Exception as error:  # of any library below
        said = "" if os.environ.get("CI") else f": {' '.join(str(error).split())}"  # it may quote a value
        print(f"{type(error).__name__}{said}", file=sys.stderr)
        return 1
    return 0


def _report(folder: Path) -> None:
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import DataDriftPreset

    columns = json.loads((folder / "columns.json").read_text(encoding="utf-8"))
    how = DataDefinition(numerical_columns=columns["numbers"], categorical_columns=columns["categories"])
    current, reference = (
        Dataset.from_pandas(_read(folder / f"{name}.parquet"), how) for name in ("current", "reference")
    )
    Report([DataDriftPreset()]).run(current, reference).save_html(str(folder / "page.html"))


def _read(path: Path) -> pd.DataFrame:
    frame = pd.read_parquet(path)
    return frame.set_axis(pd.Index(places(len(frame)), name="part of the rows"))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
