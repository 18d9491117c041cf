"""Stage `prepare`: the rows of each part, data/prepared/{train,validation,test,holdout}.parquet. Run: mlops prepare."""

from mlops import contract, params, split
from mlops.errors import CannotRun
from mlops.files import read_table, write_table
from mlops.paths import PART, RAW


def run(args) -> None:
    """Split the raw table; raises CannotRun where the target cannot be learned from."""
    table, knobs = contract.read(), params.read().split
    if knobs.by == "time" and table.time is None:
        raise CannotRun(
            "params.yaml: split.by is time, but data/contract.yaml names no `time` column: name it, or use hash"
        )
    frame = read_table(RAW)
    part = split.assign(frame, table, knobs)
    for name in split.PARTS:
        rows = frame[part == name].reset_index(drop=True)
        if name != "holdout":
            check_target(rows[table.target], table, name)
        write_table(PART.format(name), rows)
        print(f"prepare: {name} {len(rows):,} rows")


def check_target(target, table: contract.Contract, name: str) -> None:
    """Raise CannotRun where `target`, the target of part `name`, is empty, has gaps, one value only, or a class that is not named."""
    if target.isna().any():
        raise CannotRun(
            f"target '{table.target}' is missing in {int(target.isna().sum())} of the {name} rows: "
            "leave unlabelled rows out in src/model/source.py, or raise `split.label_delay_days` in params.yaml"
        )
    values = contract.targets(target, table)
    if table.task == "multiclass" and (unknown := int((values < 0).sum())):
        raise CannotRun(
            f"target '{table.target}' is no class of data/contract.yaml in {unknown} of the {name} rows: add the class to its `categories`"
        )
    if not len(values) or values.min() == values.max():
        only = target.iloc[0] if len(target) else "nothing"
        fix = "widen `data.window` in params.yaml, or correct `target`" + " or `positive`" * (table.task == "binary")
        raise CannotRun(
            f"target '{table.target}' has one {'value' if table.task == 'regression' else 'class'} only among the {len(target)} {name} rows"
            f" ({only}{f'; positive is {table.positive}' if table.task == 'binary' else ''}): {fix} in data/contract.yaml"
        )
