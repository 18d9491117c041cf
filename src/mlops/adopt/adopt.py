"""Verb `adopt`: another's table in, the sample out. Run: mlops adopt --data file.csv --target column.

All or nothing: what cannot be adopted, or cannot be trained on, leaves every file as it was.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl

from mlops import baseline, config, dvc, gates, split, stopped
from mlops import contract as contracts
from mlops import params as knobs
from mlops.adopt import files, room
from mlops.adopt.chance import hardly_better
from mlops.adopt.choose import choose
from mlops.adopt.plan import Asked, Plan
from mlops.adopt.read import SEPARATED, opened
from mlops.adopt.suspects import suspects, unseen
from mlops.adopt.table import plan
from mlops.compare import NEEDED
from mlops.doctor import SAMPLE as SAMPLES_NAME
from mlops.errors import CannotRun
from mlops.files import read_json, whole, write_text
from mlops.paths import CONTRACT, DEEPCHECKS, LOCK, METRICS, OWNERS, PARAMS, TABLE, VERDICT
from mlops.yamledit import as_dvc_writes, edited

GIT = 20_000_000  # bytes of a table that git keeps; a larger one needs a store
SAMPLE = (
    "src/model/sample.py",
    "tests/model/test_minimum_functionality.py",
    "tests/model/test_invariance.py",
    "tests/model/test_directional.py",
)
OWN_METRICS = "src/model/metrics.py"
ROWS = 20_000  # in which columns are looked for that know the answer
LEAKS = {
    "IndexTrainTestLeakage",
    "TrainTestSamplesMix",
}  # checks that no table is let off, as a leak makes any verdict green


def add_arguments(parser) -> None:
    """Add the words of `make adopt`."""
    parser.add_argument("--data", required=True, type=Path, help="a CSV or Parquet file")
    parser.add_argument("--target", required=True, help="the column to predict")
    parser.add_argument("--protected", default="", help="columns by which nobody may be treated differently: a,b")
    parser.add_argument("--time", help="the column that says when a row happened")
    parser.add_argument("--id", help="the column that names a row")
    parser.add_argument("--group", help="rows with the same value here stay in one part of the split")
    parser.add_argument("--positive", help="the value of the target that is predicted, where it has two")
    parser.add_argument("--base", help="the commit that is main (default: origin/main, else main)")
    parser.add_argument("--task", choices=["binary", "multiclass", "regression"], help="default: as the target looks")


def run(args) -> int:
    """Adopt the table and run `mlops pr` on it; 0 where it was adopted, whatever the verdict."""
    asked = _asked(args)
    args.data = args.data.expanduser()
    room.nothing_to_lose(args.data)
    baseline.resolve(args.base)  # without a main there is no verdict: said before the minutes, not after
    with opened(args.data, asked.target) as (rows, words):
        delimiter = ";" if SEPARATED.format(";") in words else ""
        made = plan(rows, asked, _called(args.data, asked.target), delimiter)
    _hide_suspects(made)
    _say(made, words)
    with room.all_or_nothing():
        _write(made)
        return _judge(made, args.base)


def _asked(args) -> Asked:
    """Return the words of the command line; names as the table's columns are called, with single blanks."""
    tidy = lambda word: word and " ".join(word.split())  # noqa: E731
    protected = dict.fromkeys(tidy(name) for name in args.protected.split(",") if name.strip())
    names = (tidy(name) for name in (args.time, args.id, args.group))
    return Asked(tidy(args.target), tuple(protected), *names, args.positive, args.task)


def _called(path: Path, target: str) -> str:
    """Return the table's name: that which it was adopted under before, so that rows stay in their parts and main's model answers
    the same question; else its file's, but never the sample's.
    """
    now = config.load(CONTRACT, contracts.Contract)
    if now.table != SAMPLES_NAME and now.target == target:
        return now.table
    name = "".join(each if each.isalnum() else "-" for each in path.name.split(".")[0].lower()).strip("-")
    return f"your-{name}" if name == SAMPLES_NAME else name or "table"


def _hide_suspects(made: Plan) -> None:
    """Take columns that know the answer out of the features, and say so: a person must decide about each."""
    parsed = config.parse(files.contract(made, ""), contracts.Contract, CONTRACT)
    sample = _some_of_each(made, parsed).to_pandas()
    target = contracts.targets(sample[parsed.target], parsed)
    for name, score in suspects(sample, made.features, target, parsed.task).items():
        made.contract["columns"][name]["feature"] = False
        made.say(name, "WARNING: alone tells the target almost perfectly")
        made.decide.append(
            f"WARNING: '{name}' alone tells the target almost perfectly ({score:g} of 1), so it is no input. Is it known when "
            f"a prediction is asked for? If so, set `feature: true` at {name} in {CONTRACT}, and take FeatureLabelCorrelation, "
            f"which it breaks, out of deepchecks.gate in {PARAMS}; if not, leave it"
        )
    for place in unseen(target, parsed.task):
        named = parsed.classes[place] if parsed.classes else (parsed.positive if place else "the other value")
        made.decide.append(f"'{named}' has too few rows to tell whether a column knows the answer: look yourself")
    if not made.features:
        raise CannotRun(
            f"every column that a model could read tells the target almost perfectly: {'; '.join(made.decide)}"
        )


def _some_of_each(made: Plan, table: contracts.Contract) -> pl.DataFrame:
    """Return at most ROWS rows; of classes as many of each, as a rare one says most about a leak."""
    frame, target = made.frame, made.contract["target"]
    if table.task != "regression":
        most = ROWS // frame[target].n_unique()
        picked = pl.int_range(pl.len()).shuffle(seed=0).over(target) < most
        frame = frame.filter(frame.select(picked).to_series())
    return frame.sample(min(frame.height, ROWS), seed=0)


def _say(made: Plan, words: list[str]) -> None:
    """Print what was decided and why, a line a decision."""
    contract = made.contract
    print(f"adopt: {made.frame.height:,} rows, task {contract['task']}, target {contract['target']}")
    for sentence in words:
        print(f"adopt: {sentence}")
    width = min(30, max(map(len, contract["columns"])))
    for name, column in contract["columns"].items():
        why = [sentence for each, sentence in made.words if each == name]
        role = next((role for role in ("target", "id", "group", "time") if contract[role] == name), "")
        use = role or ("input" if name in made.features else "protected" if column.get("protected") else "no input")
        print(f"  {name:<{width}}  {column['type']:<8} {use:<9}  {'; '.join(why)}".rstrip())


def _write(made: Plan) -> None:
    """Write the owner's room; raises CannotRun where the table is too large for git and there is no store."""
    old = {name: Path(name).read_text(encoding="utf-8") for name in (CONTRACT, PARAMS, "dvc.yaml")}
    spread = float(made.frame[made.contract["target"]].std()) if made.contract["task"] == "regression" else 1.0
    texts = files.texts(made, old, spread)
    table = config.parse(texts[CONTRACT], contracts.Contract, CONTRACT)
    chosen = config.parse(texts[PARAMS], knobs.Params, PARAMS)
    _check_parts(made, table, chosen.split)
    estimator, why = choose(made.frame, table, chosen)
    texts = files.texts(made, old, spread, estimator)
    print(f"adopt: {why}")
    with whole(TABLE) as part:
        _parquet(made, part)
        size = part.stat().st_size
        if size > GIT and not os.environ.get("DVC_REMOTE_URL"):
            raise CannotRun(
                f"the table is {size / 1e6:,.0f} MB as Parquet, and git keeps {GIT / 1e6:.0f}: set DVC_REMOTE_URL to a store (s3://, gs://, azure://, ssh:// or a path) and adopt again"
            )
    if not Path(SAMPLE[0]).exists():  # adopted before: what was written since then is the owner's
        texts.pop(OWN_METRICS)
    for name, text in texts.items():
        write_text(name, text)
    for name in (*(SAMPLE if Path(SAMPLE[0]).exists() else ()), METRICS, LOCK):
        Path(name).unlink(missing_ok=True)
    if Path(f"{TABLE}.dvc").exists():
        room.run_dvc("remove", f"{TABLE}.dvc")
    if size > GIT:
        _store()


def _check_parts(made: Plan, table: contracts.Contract, rules: knobs.Split) -> None:
    """Raise CannotRun where a part of the split has nothing to learn from, or to judge by; of many rows the stages say so."""
    if made.frame.height > 10 * ROWS:
        return
    names = list(dict.fromkeys(filter(None, (table.target, table.key, table.time))))
    rows = made.frame.select(names).to_pandas()
    part, target = split.assign(rows, table, rules), contracts.targets(rows[table.target], table)
    for name in ("train", "validation", "test"):
        seen = target[np.asarray(part == name)]
        if pd.unique(seen).size < 2:
            held = f"all with the same {table.target}" if len(seen) else "which is none"
            raise CannotRun(
                f"{len(seen):,} of {len(target):,} rows fall into the part {name} of the split, {held}: "
                "bring more rows" + " of the rarer value" * (table.task == "binary")
            )
        absent = set(range(len(table.classes))) - set(seen)
        if name == "train" and absent:
            raise CannotRun(
                f"class '{table.classes[min(absent)]}' of '{table.target}' has no row among the {len(seen):,} that are trained on: "
                "bring more rows of it, or leave its rows out"
            )


def _parquet(made: Plan, path: Path) -> None:
    """Write the table a piece at a time, texts as plain texts: equal rows give equal bytes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    is_text = (pa.types.is_large_string, pa.types.is_string_view, pa.types.is_dictionary)
    schema = pa.schema([
        pa.field(each.name, pa.string() if any(holds(each.type) for holds in is_text) else each.type)
        for each in made.frame.head(0).to_arrow().schema
    ])  # fmt: skip
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for piece in made.frame.iter_slices(50 * ROWS):
            writer.write_table(piece.to_arrow().cast(schema))


def _store() -> None:
    """Hand the table to DVC, and send it to the store."""
    dvc.configure_remote()
    dvc.git("rm", "--cached", "--quiet", "--ignore-unmatch", "--", TABLE)  # DVC keeps no file that git keeps
    room.run_dvc("add", TABLE)
    room.run_dvc("push", f"{TABLE}.dvc")


def _judge(made: Plan, base: str | None) -> int:
    """Run the pipeline, let the checks that this table breaks warn, and print the verdict; raises CannotRun where it has none."""
    why = stopped.why(NEEDED) if _mlops("repro") else ""
    if not why:
        if Path(DEEPCHECKS).exists():
            _loosen(made, read_json(DEEPCHECKS, "adopt again"))
        _mlops("pr", *(["--base", base] if base else []))
        found = read_json(VERDICT, "adopt again")
        why = found["message"] if found["verdict"] == "error" else ""
    if why:
        raise CannotRun(f"the table was read and no model could be made of it: {why}; every file is as it was")
    made.decide += [f"{gate['title']}: {gate['message']}" for gate in found["gates"] if gate["status"] == "fail"]
    made.decide += dict.fromkeys(
        f"{gate['message']}: it is watched for once there are more" for gate in found["gates"]
        if gate["id"] == "fairness" and gate["message"].endswith("too few to judge")
    )  # fmt: skip
    made.decide += filter(None, [hardly_better()])
    _last_words(made)
    return 0


def _mlops(*words: str) -> int:
    """Run a verb on this tree and return its exit code; all it says is progress, so that stderr has one sentence at the end.

    Where this process is stopped, everything that the verb started is, before a file is put back.
    """
    environment, command = dvc.environment() | {"PYTHONUNBUFFERED": "1"}, [sys.executable, "-m", "mlops", *words]
    sys.stdout.flush()
    with subprocess.Popen(command, env=environment, stderr=subprocess.STDOUT, start_new_session=True) as process:
        try:
            return process.wait()
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise


def _loosen(made: Plan, report: dict) -> None:
    """Take the checks out of `deepchecks.gate` that do not hold for this table: they stay in the report."""
    text = Path(PARAMS).read_text(encoding="utf-8")
    gate, ran = config.parse(text, knobs.Params, PARAMS).deepchecks.gate, {check["check"] for check in report["checks"]}
    failing = gates.deepchecks.failing(report)
    held = set() if made.repeats else LEAKS
    broken = {
        name: "; ".join(dict.fromkeys(failing.get(name, []))) for name in gate
        if (name in failing and name not in held) or name not in ran
    }  # fmt: skip
    if not broken:
        return
    left = [name for name in gate if name not in broken]
    write_text(PARAMS, as_dvc_writes(edited(text, ["deepchecks", "gate"], left)))
    for name, why in broken.items():
        made.decide.append(
            f"deepchecks {name} does not hold ({why or 'it does not apply to this table'}), so it does not gate: "
            "read reports/deepchecks.html, and name it in deepchecks.gate once it holds"
        )


def _last_words(made: Plan) -> None:
    if made.contract["time"] is None:
        print(
            "adopt: no TIME, so there are no months to watch: drift checks, guard and retrain are off; docs/your-data.md says how to switch them on"
        )
    else:
        print(
            "adopt: rows of all months are in every part of the split; to test on the newest set split.by: time and split.cut in params.yaml, "
            "and split.label_delay_days where labels come late"
        )
    if made.decide:
        print("\nadopt: a person must decide:")
    for sentence in made.decide:
        print(f"  - {sentence}")
    there = [name for name in OWNERS if Path(name).exists() or dvc.git("ls-files", "--", name)]
    print(
        f"\nadopt: done. Look at `git diff`, then commit: `git add -A {' '.join(there)} && git commit -m 'Adopt {made.contract['table']}'`"
    )
    if dvc.git("remote", check=False):
        print("adopt: then push that commit to main: pull requests are compared with origin/main")
