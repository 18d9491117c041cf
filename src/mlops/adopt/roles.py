"""What names a row, what rows belong together, and when a row happened."""

from datetime import UTC, datetime, timedelta
from hashlib import blake2b

import polars as pl
from polars import selectors as cs

from mlops.adopt.columns import ID, Found
from mlops.adopt.plan import Asked, Plan, holds
from mlops.errors import CannotRun

LEAST_GROUPS = 20  # rows of a group stay in one part of the split, and each part needs some
KEY = "row_key"
MANY = 100  # values: a table of columns with fewer repeats rows by chance
SLICE = 100_000  # rows that are hashed at once


def assign(made: Plan, asked: Asked) -> None:
    """Write id, group and time into the contract; raises CannotRun where a column that was named cannot be that."""
    time = asked.time and _time(made, asked.time)
    _given(made, "ID", asked.id)
    _given(made, "GROUP", asked.group)
    row_id, group = _keys(made, asked)
    for name in filter(None, (row_id, group)):
        made.frame = made.frame.with_columns(made.frame[name].cast(pl.String))
    if asked.group and (few := made.frame[group].n_unique()) < LEAST_GROUPS:
        raise CannotRun(
            f"GROUP is '{group}', which has {few} values: rows of one value stay in one part of the split, "
            f"so {LEAST_GROUPS} are the least"
        )
    made.contract |= {"id": row_id, "group": group, "time": time or None}


def _given(made: Plan, word: str, name: str | None) -> None:
    if name and (lost := made.frame[name].null_count()):
        raise CannotRun(f"{word} is '{name}', which is missing in {lost:,} rows: each row needs one")


def _keys(made: Plan, asked: Asked) -> tuple[str | None, str | None]:
    """Return the columns that are (id, group): as asked, as found, or a hash of each row where none names it."""
    row_id, group = asked.id, asked.group
    if row_id and (things := made.frame[row_id].n_unique()) < made.frame.height:
        why = "the same id stands in several rows, so they are a group: none of them is in training while another is tested"
        made.say(row_id, why)
        if things < LEAST_GROUPS:
            raise CannotRun(
                f"ID is '{row_id}', which has {things} values in {made.frame.height:,} rows: it names no row"
            )
        row_id, group = None, group or row_id
    row_id = row_id or _found(made, asked, group)
    return (row_id, group) if group or asked.id else _unnamed(made, asked.target, row_id)


def _found(made: Plan, asked: Asked, group: str | None) -> str | None:
    taken = {asked.target, asked.time, group, *asked.protected}
    row_id = next((name for name in made.frame.columns if name not in taken and names_rows(made, name)), None)
    if row_id:
        made.say(row_id, "names each row, so it is the id and no input")
    return row_id


def _time(made: Plan, name: str) -> str:
    found, values = made.found[name], made.frame[name]
    if found.kind == "integer" and int(values.min()) >= 1900 and int(values.max()) <= 2200:
        values = pl.Series(
            name, [None if year is None else datetime(year, 1, 1) for year in values], dtype=pl.Datetime("us")
        )
        made.frame, found.kind, found.values = made.frame.with_columns(values), "date", values
        made.say(name, "years, read as their first day")
    if found.kind != "date":
        raise CannotRun(f"TIME is '{name}', which {holds(found)}: name a column of dates")
    today = datetime.now(UTC).replace(tzinfo=None) + timedelta(days=1)
    late = int((values > today).sum())
    if late:
        raise CannotRun(
            f"TIME is '{name}', which is later than today in {late:,} rows (up to {values.max():%Y-%m-%d}): correct them, or leave TIME out"
        )
    lost = values.null_count()
    if lost:
        made.say(name, f"{lost:,} rows without a time are left out")
        made.keep(values.is_not_null())
    return name


def names_rows(made: Plan, name: str) -> bool:
    """Whether a column is an id: called so, or counting the rows, and different in each."""
    found, values = made.found[name], made.frame[name]
    if found.kind not in ("integer", "category", "text") or not found.unique:
        return False
    counts = found.kind == "integer" and int(values.max()) - int(values.min()) == len(values) - 1 and values.is_sorted()
    return bool(ID.search(name)) or counts


def _unnamed(made: Plan, target: str, row_id: str | None) -> tuple[str | None, str | None]:
    """Return (id, group) where no person named one: rows that are equal beside id and target stay in one part of the split.

    Where most rows are equal to another, and no column has many values, they are so by chance: each counts for itself.
    """
    rest = made.frame.drop(cs.by_name(target, *filter(None, [row_id])))
    if not rest.width:
        return row_id, None
    hashed = _hashed(rest)
    twice = made.frame.height - hashed.n_unique()
    made.repeats = twice > made.frame.height / 2 and all(rest[name].n_unique() <= MANY for name in rest.columns)
    if row_id and (made.repeats or not twice):
        return row_id, None
    name = _free(KEY, made.frame.columns)
    keys = hashed.cast(pl.String).alias(name)
    if made.repeats:
        place = pl.int_range(pl.len()).over(pl.nth(0)).cast(pl.String)
        keys = keys.to_frame().select((pl.nth(0) + "-" + place).alias(name)).to_series()
    made.frame = made.frame.with_columns(keys)
    made.found[name] = Found(name, keys, "text")
    equal = "most rows repeat another one, so each counts for itself" if made.repeats else "equal rows stay in one part"
    made.say(
        name, f"added: a hash of the row's other columns{'' if row_id else ', as no column names the rows'}; {equal}"
    )
    if twice and not made.repeats:
        made.say(
            name, f"{twice:,} rows repeat another one in everything but the target{' and the id' if row_id else ''}"
        )
    return (name, None) if made.repeats else (row_id, name)


def _free(name: str, taken: list[str]) -> str:
    while name in taken:
        name += "_"
    return name


def _hashed(frame: pl.DataFrame) -> pl.Series:
    """Return 8 bytes of each row's BLAKE2 as a number."""
    text = pl.concat_str(pl.all().cast(pl.String).fill_null("\x00"), separator="\x1f").alias("")
    digest = lambda row: int.from_bytes(blake2b(row.encode(), digest_size=8).digest(), "big")  # noqa: E731
    pieces = (piece.select(text).to_series() for piece in frame.iter_slices(SLICE))
    return pl.concat([pl.Series([digest(row) for row in piece], dtype=pl.UInt64) for piece in pieces])
