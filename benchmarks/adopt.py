"""How long a table takes from file to verdict, and how much memory a large one takes to be understood.

Run: .venv/bin/python benchmarks/adopt.py [rows] (default 50,000 rows of 15 columns: `make adopt` in a clean copy of HEAD)
     .venv/bin/python benchmarks/adopt.py --read MB (reads and types a CSV file of that size, without training)
"""

import resource
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl

from mlops.adopt.plan import Asked
from mlops.adopt.read import opened
from mlops.adopt.table import plan

ROOT = Path(__file__).resolve().parents[1]


def table(rows: int, first: int = 0) -> pl.DataFrame:
    """15 columns as they come: numbers, words, gaps, a date, an id, and a target that five of them cause."""
    random = np.random.default_rng(first)
    numbers = {f"number_{place}": random.normal(size=rows).round(4) for place in range(7)}
    words = {f"word_{place}": random.choice(["red", "green", "blue", "?"], rows) for place in range(3)}
    cause = sum(list(numbers.values())[:4]) + (words["word_0"] == "red")
    return pl.DataFrame(
        {"id": np.arange(first, first + rows), **numbers, **words}
        | {"count": random.integers(0, 40, rows), "city": random.choice([f"city {n}" for n in range(200)], rows)}
        | {"day": np.datetime64("2024-01-01", "us") + random.integers(0, 10**13, rows)}
        | {"bought": np.where(random.random(rows) < 1 / (1 + np.exp(-cause)), "yes", "no")}
    )


def adopt(rows: int, folder: Path) -> None:
    """Time `make adopt` in a clone whose environments are there already."""
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder / "copy")], check=True)
    for name in (".venv", ".venv-deepchecks"):
        (folder / "copy" / name).symlink_to(ROOT / name)
    table(rows).write_csv(folder / "table.csv")
    words = ["--data", str(folder / "table.csv"), "--target", "bought"]
    start = time.perf_counter()
    environment = {
        "PATH": f"{ROOT}/.venv/bin:/usr/bin:/bin",
        "PYTHONPATH": str(folder / "copy/src"),
        "HOME": str(folder),
    }
    subprocess.run([sys.executable, "-m", "mlops", "adopt", *words], cwd=folder / "copy", env=environment, check=True)
    print(f"{rows:,} rows, {table(10).width} columns, from file to verdict: {time.perf_counter() - start:.0f} s")


def read(megabytes: int, folder: Path) -> None:
    """Print the peak memory of reading and typing a CSV file, in a process that did nothing else."""
    path, size, piece = folder / "table.csv", 0, 100_000
    with path.open("wb") as file:
        while size < megabytes * 10**6:
            size += file.write(table(piece, first=size).write_csv(include_header=not size).encode())
    start = time.perf_counter()
    with opened(path, "bought") as (rows, _):
        made = plan(rows, Asked("bought"), "table")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 10**6
    seconds = time.perf_counter() - start
    print(f"{size / 10**9:.2f} GB of CSV, {made.frame.height:,} rows: {seconds:.0f} s, peak memory {peak:.1f} GB")


if __name__ == "__main__":
    with TemporaryDirectory() as scratch:
        if sys.argv[1:2] == ["--read"]:
            read(int(sys.argv[2]), Path(scratch))
        else:
            adopt(int((sys.argv[1:] or ["50000"])[0]), Path(scratch))
