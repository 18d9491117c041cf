"""Drift: time and memory of whole processes against Evidently and NannyML, and how often quiet months alarm.

    .venv/bin/python benchmarks/drift.py peers [rows] [more rows]      (needs the group `monitor`; makes .venv-monitor)
    .venv/bin/python benchmarks/drift.py months [seeds]                (default 80; about 45 minutes on 2 cores)

peers: the same two Parquet files of the sample, 8 numbers and 3 categories; PSI, KS and Wasserstein of each number, PSI and chi
squared of each category, which each is asked for; plain numpy is what one would write in an afternoon, all in memory. Each is a process of its own: imports,
reading and all.
months: 24 months after the training window, of as many worlds as there are seeds; each seed trains a champion of its own.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from pathlib import Path

NUMBERS = ["income", "debt", "amount", "term_months", "history_months", "late_payments", "years_employed", "age"]
CATEGORIES = ["employment", "purpose", "housing"]
OURS = "from mlops.drift.tables import main; import sys; main(sys.argv[1:])"
PEERS = 1_000_000  # rows; more than that Evidently and NannyML are not asked for
PLAIN = f"""
import sys
import numpy as np
import pyarrow.parquet as pq
one, other = (pq.ParquetFile(path) for path in sys.argv[1:])
for name in {NUMBERS}:
    x, y = (np.sort(file.read([name]).column(0).to_numpy().astype(float)) for file in (one, other))
    x, y = x[~np.isnan(x)], y[~np.isnan(y)]
    edges = np.unique(np.quantile(x, np.arange(1, 10) / 10))
    p, q = (np.diff(np.r_[0, np.searchsorted(each, edges, "right"), len(each)]) / len(each) for each in (x, y))
    psi = ((q - p) * np.log((q + 1e-9) / (p + 1e-9))).sum()
    both = np.concatenate([x, y])
    both.sort()
    apart = np.abs(np.searchsorted(x, both, "right") / len(x) - np.searchsorted(y, both, "right") / len(y))
    print(name, psi, apart.max(), apart[:-1] @ np.diff(both) / x.std())
for name in {CATEGORIES}:
    print(name, *(file.read([name]).column(0).value_counts().to_pylist() for file in (one, other)))
"""
EVIDENTLY = f"""
import sys
import pandas as pd
from evidently import DataDefinition, Dataset, Report
from evidently.metrics import ValueDrift
numbers, categories = {NUMBERS}, {CATEGORIES}
one, other = (pd.read_parquet(path)[numbers + categories] for path in sys.argv[1:])
how = DataDefinition(numerical_columns=numbers, categorical_columns=categories)
asked = [ValueDrift(column=name, method=method) for name in numbers for method in ("psi", "ks", "wasserstein")]
asked += [ValueDrift(column=name, method=method) for name in categories for method in ("psi", "chisquare")]
Report(asked).run(Dataset.from_pandas(other, how), Dataset.from_pandas(one, how)).dict()
"""
NANNYML = f"""
import sys
import pandas as pd
import nannyml
numbers, categories = {NUMBERS}, {CATEGORIES}
one, other = (pd.read_parquet(path)[numbers + categories] for path in sys.argv[1:])
calculator = nannyml.UnivariateDriftCalculator(
    column_names=numbers + categories, chunk_number=1, treat_as_categorical=categories,
    continuous_methods=["kolmogorov_smirnov", "wasserstein"], categorical_methods=["chi2"],
)
calculator.fit(one)
calculator.calculate(other).to_df()
"""


def peers(sizes: list[int]) -> None:
    """Print one line a size and library: seconds, peak memory, and both as multiples of ours."""
    other = environment()
    for rows in sizes:
        with tempfile.TemporaryDirectory() as folder:
            paths = [str(Path(folder, name)) for name in ("reference.parquet", "current.parquet")]
            # by another process: a child is counted with what its parent has when it starts
            subprocess.run([sys.executable, __file__, "write", str(rows), *paths], check=True)
            found = {"ours": measured([sys.executable, "-c", OURS, *paths])}
            found["plain numpy"] = measured([sys.executable, "-c", PLAIN, *paths])
            if rows <= PEERS:
                found["NannyML"] = measured([other, "-c", NANNYML, *paths])
                found["Evidently"] = measured([other, "-c", EVIDENTLY, *paths])
        seconds, memory = found["ours"]
        for name, (took, peak) in found.items():
            print(
                f"{rows:>10,} rows  {name:<11} {took:6.1f} s  {peak:6.0f} MB  {took / seconds:5.1f} x  {peak / memory:4.1f} x",
                flush=True,
            )


def write(rows: int, paths: list[str]) -> None:
    """Write both Parquet files, a month at a time."""
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

    from model.sample import generate

    months = pd.period_range("2023-01", periods=max(10, rows // 500_000), freq="M").astype(str)
    for path, seed in zip(paths, (1, 2), strict=True):
        writer = None
        for name in months:
            month = generate(name, name, seed=seed, rows_per_month=rows // len(months))
            table = pa.Table.from_pandas(month[NUMBERS + CATEGORIES], preserve_index=False)
            writer = writer or pq.ParquetWriter(path, table.schema)
            writer.write_table(table)
        writer.close()


def measured(command: list[str]) -> tuple[float, float]:
    """Return the seconds and the peak memory in MB of a process; of two runs the faster one."""
    best = (float("inf"), 0.0)
    for _ in range(2):
        start = time.perf_counter()
        quiet = os.environ | {"NML_DISABLE_USAGE_LOGGING": "1", "DO_NOT_TRACK": "1"}  # nobody else is told
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=quiet)
        said = process.stderr.read().decode()
        _, status, used = os.wait4(process.pid, 0)
        if status:
            raise SystemExit(said[-2000:])
        best = min(best, (time.perf_counter() - start, used.ru_maxrss / 1024))
    return best


def environment() -> str:
    """Return the Python of .venv-monitor, made where it is missing."""
    variables = os.environ | {"UV_PROJECT_ENVIRONMENT": ".venv-monitor"}
    command = ["uv", "sync", "--frozen", "--quiet", "--no-default-groups", "--group", "monitor"]
    subprocess.run(command, env=variables, check=True)
    return ".venv-monitor/bin/python"


def months(seeds: int) -> None:
    """Print the share of quiet months that alarm, with its interval over seeds, and when each planted pulse is found."""
    from model.sample import PULSES

    with ProcessPoolExecutor(2) as pool:
        worlds = list(pool.map(world, range(1000, 1000 + seeds)))
    quiet = [[each["alarms"] for each in one.values() if each["quiet"]] for one in worlds]
    loud, all_ = sum(bool(alarms) for each in quiet for alarms in each), sum(map(len, quiet))
    seen = sum(any(each) for each in quiet)
    # months of one seed share a champion; a rate of months is at most the rate of seeds that alarm in any of theirs
    print(
        f"quiet months: {loud} of {all_} alarm; of {seeds} seeds {seen} do, 95 % interval up to {upper(seen, seeds):.1%}"
    )
    print(Counter(alarm for each in quiet for alarms in each for alarm in alarms))
    for pulse in PULSES:
        first = Counter(found(one, pulse) for one in worlds)
        print(f"{pulse.name} ({pulse.kind}, from {pulse.start}): found at {dict(sorted(first.items()))}")


def upper(events: int, trials: int) -> float:
    """Return the upper end of the exact 95 % interval of a share (Clopper and Pearson 1934)."""
    from scipy.stats import beta

    return float(beta.ppf(0.975, events + 1, trials - events)) if events < trials else 1.0


def found(one: dict, pulse) -> str:
    """Return the month whose windows first alarm of a pulse's kind, "never" where none does while it counts."""
    kinds = {
        "covariate": {"covariate critical"},
        "concept": {"performance", "performance critical"},
        "quality": {"quality critical"},
    }
    alarmed = (name for name, each in one.items() if name >= pulse.start and kinds[pulse.kind] & set(each["alarms"]))
    first = next(alarmed, "never")
    return first if first <= max(pulse.start, min(pulse.end, "2026-12")) else "never"


def world(seed: int) -> dict:
    """Return {month: whether it is quiet, what alarms at its end} of one world with a champion of its own."""
    from mlops import contract, params
    from mlops.drift import decision, rows, windows
    from mlops.drift.drift import Held, judged
    from model.sample import PULSES

    table, knobs = contract.read(), params.read()
    knobs = knobs.model_copy(update={"data": knobs.data.model_copy(update={"options": {"seed": seed}})})
    held = Held(reference(table, knobs), table, knobs)
    given = rows.source(table, knobs, {})
    later = date(2027, 6, 30)  # all labels are there
    spans = [each for each in windows.since(held.last, later, "month", 0) if each.name <= "2026-12"]
    seen, said = [], {}
    for span in spans:
        seen.append(judged(given(span, later), held))
        alarms = decision.decide(seen, knobs.drift).alarms
        touched = any(
            pulse.start <= each.window.name <= pulse.end for pulse in PULSES for each in seen[-knobs.drift.of :]
        )
        kinds = sorted({each.finding.kind + " critical" * each.critical for each in alarms})
        said[span.name] = {"quiet": not touched, "alarms": kinds}
    return said


def reference(table, knobs):
    """Return a champion trained as the pipeline trains, and its rows."""
    import numpy as np

    from mlops import split
    from mlops.drift.reference import Reference
    from mlops.encoding import spec
    from mlops.export import to_onnx
    from mlops.onnx_model import Model
    from mlops.pipeline import ingest
    from mlops.pipeline.train import described, fit

    frame = ingest.read(knobs.data, table)
    part = split.assign(frame, table, knobs.split).to_numpy()
    fitted = fit(frame[part == "train"], frame[part == "validation"], table, knobs.train)
    told = described(table, fitted["threshold"])
    model = Model(to_onnx(fitted["pipeline"], spec(table), fitted["calibration"], told))
    unseen = ~np.isin(part, ("train", "validation"))
    return Reference("0" * 40, model, frame, unseen, knobs.data.window, "")


if __name__ == "__main__":
    if sys.argv[1:2] == ["write"]:
        write(int(sys.argv[2]), sys.argv[3:])
    elif sys.argv[1:2] == ["peers"]:
        peers([int(word) for word in sys.argv[2:]] or [100_000, 1_000_000])
    elif sys.argv[1:2] == ["months"]:
        months(int(sys.argv[2]) if len(sys.argv) > 2 else 80)
    else:
        raise SystemExit(__doc__)
