"""What a data scientist makes of a whole table: its target and task, what names a row, which columns a model may read."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from hashlib import blake2b

import polars as pl
from polars import selectors as cs

from mlops.adopt.columns import CATEGORIES, CODES, ID, NAMES, UNIQUE, WORDS, Found, understand
from mlops.adopt.read import column
from mlops.contract import EXACT
from mlops.errors import CannotRun

LEAST = 100  # rows: with fewer there is nothing to test on
CLASSES = 50
FEW = 10  # different whole numbers up to here are classes, more are a quantity
CLASS_ROWS = 5
HEADROOM = 0.5  # of the range, beyond what was seen
LEAST_GROUPS = 20  # rows of a group stay in one part of the split, and each part needs some
POSITIVE = (
    "yes", "true", "y", "t", "ja", "oui", "positive", "pos", "bad", "default", "churn", "churned", "fraud", "spam", "malignant",
    "died",
)  # fmt: skip
TRUTH = dict.fromkeys(("yes", "y", "true", "t", "1", "on", "ja", "oui", "sí", "si"), True)
TRUTH |= dict.fromkeys(("no", "n", "false", "f", "0", "off", "nein", "non"), False)
KEY = "row_key"
SLICE = 100_000  # rows that are hashed at once


@dataclass(frozen=True)
class Asked:
    """What a person said beside the file: the words of `make adopt`."""

    target: str
    protected: tuple[str, ...] = ()
    time: str | None = None
    id: str | None = None
    group: str | None = None
    positive: str | None = None
    task: str | None = None


@dataclass
class Plan:
    """A table as it will be kept, its contract, and what a person reads: words a column, and what is left to decide."""

    frame: pl.DataFrame
    contract: dict
    found: dict[str, Found]
    words: list[tuple[str, str]] = field(default_factory=list)
    decide: list[str] = field(default_factory=list)

    @property
    def features(self) -> list[str]:
        """The columns that the model may read."""
        apart = {self.contract[role] for role in ("target", "id", "group", "time")}
        columns = self.contract["columns"].items()
        return [
            name for name, column in columns
            if column.get("feature", True) and not column.get("protected") and name not in apart and column["type"] not in ("date", "text")
        ]  # fmt: skip


def plan(rows: pl.LazyFrame, asked: Asked, name: str) -> Plan:
    """Return what becomes of the table called `name`; raises CannotRun with one sentence where it cannot be adopted."""
    columns = rows.collect_schema().names()
    _named(columns, asked)
    # one at a time: texts take many times the memory of what they mean
    found = {name: understand(column(rows, name)) for name in columns}
    typed = pl.DataFrame([each.values for each in found.values()])
    made = Plan(typed, {"version": 1, "table": name}, found)
    made.words += [(each.name, sentence) for each in found.values() for sentence in each.why]
    if typed.width == 1:
        raise CannotRun(f"the table has one column, '{asked.target}': there is nothing to predict it from")
    _labelled(made, asked)
    _task(made, asked)
    _roles(made, asked)
    _groups_of_few(made, asked)
    made.contract["slices"] = list(asked.protected)
    made.contract["columns"] = {each: _column(made, each, asked) for each in made.frame.columns}
    if not made.features:
        raise CannotRun(
            "no column is left that a model could read: every one is an id, a date, prose, constant, empty or protected"
        )
    return made


def _named(columns: list[str], asked: Asked) -> None:
    words = {
        "TARGET": [asked.target],
        "PROTECTED": asked.protected,
        "TIME": [asked.time],
        "ID": [asked.id],
        "GROUP": [asked.group],
    }
    for word, names in words.items():
        for name in filter(None, names):
            if name not in columns:
                raise CannotRun(f"{word} is '{name}', which is no column of the table{_nearest(name, columns)}")
    said = [(word, name) for word, names in words.items() for name in filter(None, names)]
    for word, name in said:
        other = next((each for each, same in said if same == name and each != word), None)
        if other:
            raise CannotRun(f"'{name}' is both {word} and {other}: a column has one meaning")


def _nearest(name: str, known: Sequence[str]) -> str:
    lower = {each.lower(): each for each in known}
    near = get_close_matches(name.lower(), lower, 1, 0.5)
    return (
        f"; did you mean '{lower[near[0]]}'?"
        if near
        else f": it has {', '.join(known[:20])}{' ...' if len(known) > 20 else ''}"
    )


def _labelled(made: Plan, asked: Asked) -> None:
    """Leave out the rows that have no target."""
    known = made.frame[asked.target].is_not_null()
    lost = int((~known).sum())
    if lost:
        made.words.append((asked.target, f"{lost:,} rows without a target are left out"))
    _keep(made, known)
    if made.frame.height < LEAST:
        raise CannotRun(
            f"the table has {made.frame.height} rows with a value of '{asked.target}': {LEAST} is the least that can be split and judged"
        )


def _keep(made: Plan, rows: pl.Series) -> None:
    if not rows.all():
        made.frame = made.frame.filter(rows)
        for name, each in made.found.items():
            each.values = made.frame[name]


def _task(made: Plan, asked: Asked) -> None:
    target, found = asked.target, made.found[asked.target]
    values, distinct = made.frame[target], made.frame[target].n_unique()
    if distinct < 2:
        raise CannotRun(f"target '{target}' has the same value in every row: there is nothing to predict")
    numeric = found.kind in ("number", "integer") or found.numbers_as_codes
    task = asked.task or (
        "binary"
        if distinct == 2
        else "regression"
        if numeric and (found.kind == "number" or distinct > FEW)
        else "multiclass"
    )
    if found.kind == "date":
        raise CannotRun(f"target '{target}' is a date: name a column that says what happened, or how much")
    made.contract |= {"task": task, "target": target}
    if task == "regression":
        _regression(made, found, numeric)
    elif task == "binary":
        _binary(made, found, asked.positive, distinct)
    else:
        _classes(made, found, values, asked)


def _regression(made: Plan, found: Found, numeric: bool) -> None:
    if not numeric:
        raise CannotRun(
            f"task regression needs a number, and target '{found.name}' holds {found.kind} values such as {found.values[0]!r}"
        )
    numbers = found.values.cast(pl.Float64)
    made.frame = made.frame.with_columns(numbers)
    found.values, found.kind = numbers, "number"
    made.words.append(
        (found.name, f"a number, so the task is regression; its standard deviation is {numbers.std():.6g}")
    )


def _binary(made: Plan, found: Found, positive: str | None, distinct: int) -> None:
    if distinct != 2:
        raise CannotRun(f"task binary needs a target of two values, '{found.name}' has {distinct}")
    values = [value for value, _ in _counts(found.values)]
    if found.kind == "number":
        raise CannotRun(
            f"target '{found.name}' holds {values[0]} and {values[1]}: whole numbers, booleans or words can be two classes"
        )
    chosen = _chosen(values, positive, found)
    if chosen is None:
        raise CannotRun(
            f"POSITIVE is '{positive}', and '{found.name}' holds {values[0]!r} and {values[1]!r}: name one of them"
        )
    made.contract["positive"] = chosen
    share = float((found.values == chosen).mean())
    by_name = _by_name(values) is not None
    why = "as POSITIVE says" if positive else "by its name" if by_name else "the rarer one"
    made.words.append(
        (found.name, f"two values, so the task is binary; positive is {chosen!r}, {why}: {share:.1%} of the rows")
    )
    if not positive and not by_name:
        made.decide.append(
            f"positive is {chosen!r}, because it is rarer: adopt again with POSITIVE= if the other one is what you predict"
        )


def _counts(values: pl.Series, most: int | None = None) -> list[tuple]:
    """Return the `most` most frequent (value, rows); of equally frequent ones the first by name."""
    plain = values.cast(pl.String) if values.dtype == pl.Categorical else values
    counts = plain.drop_nulls().alias("").value_counts(name="rows").sort("rows", "", descending=[True, False])
    return counts.head(most).rows() if most else counts.rows()


def _chosen(values: list, positive: str | None, found: Found):
    if positive is None:
        by_name = _by_name(values)
        return values[-1] if by_name is None else by_name
    if found.kind == "boolean":
        return TRUTH.get(positive.lower())
    return next((value for value in values if str(value) == positive.strip()), None)


def _by_name(values: list):
    """Return the one of two values that is called positive; None where no name tells."""
    named = [value for value in values if str(value).lower() in POSITIVE]
    if {str(value) for value in values} in ({"0", "1"}, {"-1", "1"}):
        named = [value for value in values if str(value) == "1"]
    return named[0] if len(named) == 1 else None


def _classes(made: Plan, found: Found, values: pl.Series, asked: Asked) -> None:
    numeric, distinct = found.kind == "integer", values.n_unique()
    if distinct > CLASSES:
        raise CannotRun(
            f"target '{found.name}' has {distinct:,} different values, {CLASSES} classes are the most: "
            "is it the right column? A number can be predicted with TASK=regression"
        )
    left = _without_rare(made, found, values.cast(pl.String).alias(found.name))
    if left == 2 and not asked.task:
        made.contract["task"] = "binary"
        _binary(made, found, asked.positive, left)
        return
    if left < 3:
        raise CannotRun(
            f"several classes need {CLASS_ROWS} rows or more each, and '{found.name}' has {left} such values"
        )
    made.words.append((found.name, f"{left} different values, so the task is multiclass"))
    if numeric and not asked.task:
        made.decide.append(
            f"the {left} whole numbers of '{found.name}' are taken as classes: adopt again with TASK=regression to predict the number"
        )


def _without_rare(made: Plan, found: Found, text: pl.Series) -> int:
    """Leave out the rows of classes that are too rare, and return how many classes are left."""
    counts = dict(_counts(text))
    rare = sorted(name for name, rows in counts.items() if rows < CLASS_ROWS)
    made.frame = made.frame.with_columns(text)
    if rare:
        shown = ", ".join(repr(name) for name in rare[:5]) + f" and {len(rare) - 5} more" * (len(rare) > 5)
        why = f"rows of {shown} are left out: fewer than {CLASS_ROWS} can be neither learned nor judged"
        made.words.append((found.name, why))
        _keep(made, ~text.is_in(rare))
    found.values, found.kind = made.frame[found.name], "category"
    return len(counts) - len(rare)


def _roles(made: Plan, asked: Asked) -> None:
    """Say what names a row, what rows belong together, and when a row happened."""
    time = asked.time and _time(made, asked.time)
    for word, name in (("ID", asked.id), ("GROUP", asked.group)):
        if name and (lost := made.frame[name].null_count()):
            raise CannotRun(f"{word} is '{name}', which is missing in {lost:,} rows: each row needs one")
    row_id, group = asked.id, asked.group
    if row_id and made.frame[row_id].n_unique() < made.frame.height:
        made.words.append(
            (
                row_id,
                "the same id stands in several rows, so they are a group: none of them is in training while another is tested",
            )
        )
        row_id, group = None, group or row_id
    if row_id is None:
        taken = {asked.target, asked.time, group, *asked.protected}
        row_id = next((name for name in made.frame.columns if name not in taken and _names_rows(made, name)), None)
        if row_id:
            made.words.append((row_id, "names each row, so it is the id and no input"))
    if row_id is None and group is None:
        row_id, group = _add_key(made, asked.target)
    for name in filter(None, (row_id, group)):
        made.frame = made.frame.with_columns(made.frame[name].cast(pl.String))
    if asked.group and (few := made.frame[group].n_unique()) < LEAST_GROUPS:
        raise CannotRun(
            f"GROUP is '{group}', which has {few} values: rows of one value stay in one part of the split, "
            f"so {LEAST_GROUPS} are the least"
        )
    made.contract |= {"id": row_id, "group": group, "time": time or None}


def _groups_of_few(made: Plan, asked: Asked) -> None:
    """Take protected numbers of few values as they are: bands are for many."""
    for name in asked.protected:
        found = made.found[name]
        if found.kind == "integer" and made.frame[name].n_unique() <= FEW:
            found.kind, found.values = "category", made.frame[name].cast(pl.String)
            made.frame = made.frame.with_columns(found.values)


def _names_rows(made: Plan, name: str) -> bool:
    """Whether a column is an id: called so, or counting the rows, and different in each."""
    found, values = made.found[name], made.frame[name]
    if found.kind not in ("integer", "category", "text") or not found.unique:
        return False
    counts = found.kind == "integer" and int(values.max()) - int(values.min()) == len(values) - 1 and values.is_sorted()
    return bool(ID.search(name)) or counts


def _add_key(made: Plan, target: str) -> tuple[str | None, str | None]:
    """Add a hash of each row as a column, and return it as (id, None) or (None, group): equal rows are a group, unless most are."""
    name = KEY
    while name in made.frame.columns:
        name += "_"
    hashed = _hashed(made.frame.drop(cs.by_name(target)))
    twice = made.frame.height - hashed.n_unique()
    chance = twice > made.frame.height / 2
    keys = hashed.cast(pl.String).alias(name)
    if chance:
        place = pl.int_range(pl.len()).over(pl.nth(0)).cast(pl.String)
        keys = keys.to_frame().select((pl.nth(0) + "-" + place).alias(name)).to_series()
    made.frame = made.frame.with_columns(keys)
    made.found[name] = Found(name, keys, "text")
    equal = "most rows repeat another one, so each counts for itself" if chance else "equal rows stay in one part"
    made.words.append((name, f"added: a hash of the row's other columns, as no column names the rows; {equal}"))
    if twice and not chance:
        made.words.append((name, f"{twice:,} rows repeat another one in everything but the target"))
    return (name, None) if chance else (None, name)


def _hashed(frame: pl.DataFrame) -> pl.Series:
    """Return 8 bytes of each row's BLAKE2 as a number."""
    text = pl.concat_str(pl.all().cast(pl.String).fill_null("\x00"), separator="\x1f").alias("")
    digest = lambda row: int.from_bytes(blake2b(row.encode(), digest_size=8).digest(), "big")  # noqa: E731
    pieces = (piece.select(text).to_series() for piece in frame.iter_slices(SLICE))
    return pl.concat([pl.Series([digest(row) for row in piece], dtype=pl.UInt64) for piece in pieces])


def _time(made: Plan, name: str) -> str:
    found, values = made.found[name], made.frame[name]
    if found.kind == "integer" and int(values.min()) >= 1900 and int(values.max()) <= 2200:
        values = pl.Series(
            name, [None if year is None else datetime(year, 1, 1) for year in values], dtype=pl.Datetime("us")
        )
        made.frame, found.kind, found.values = made.frame.with_columns(values), "date", values
        made.words.append((name, "years, read as their first day"))
    if found.kind != "date":
        raise CannotRun(f"TIME is '{name}', which {_holds(found)}: name a column of dates")
    today = datetime.now(UTC).replace(tzinfo=None) + timedelta(days=1)
    late = int((values > today).sum())
    if late:
        raise CannotRun(
            f"TIME is '{name}', which is later than today in {late:,} rows (up to {values.max():%Y-%m-%d}): correct them, or leave TIME out"
        )
    lost = values.null_count()
    if lost:
        made.words.append((name, f"{lost:,} rows without a time are left out"))
        _keep(made, values.is_not_null())
    return name


def _holds(found: Found) -> str:
    if found.kind == "empty":
        return "holds nothing"
    shown = str(found.values.drop_nulls()[0])[:40]
    return f"holds {shown} in every row" if found.kind == "constant" else f"holds {found.kind} values such as {shown}"


def _column(made: Plan, name: str, asked: Asked) -> dict:
    """Return the contract's entry of one column, and say what was decided about it."""
    found, values = made.found[name], made.frame[name]
    kind, entry = _kind(made, name), {}
    say = lambda sentence: made.words.append((name, sentence))  # noqa: E731
    roles = [made.contract[role] for role in ("id", "group", "time")]
    if kind == "category":
        entry = _categories(values, name == asked.target, say)
        kind = entry.pop("type")
        if name != asked.target and name not in asked.protected and _names_more(made, found, asked, say):
            kind, entry = "text", {}
    elif kind in ("integer", "number"):
        entry = _range(values, kind)
    share = values.null_count() / len(values)
    if share:
        entry["nullable"] = min(1.0, math.ceil(100 * (1.5 * share + 0.02)) / 100)
    if share > 0.3:
        entry["severity"] = "warning"
    if kind == "text" and found.kind in ("empty", "constant"):
        entry = {"nullable": True, "severity": "warning", "feature": False}
        say("left out of the model")
    elif kind in ("text", "date") and name not in roles:
        entry["feature"] = False
        entry["severity"] = "warning"
        say(
            f"{'a date' if kind == 'date' else 'text, or too many different values with few rows each'}: left out of the model"
        )
    elif kind == "integer" and name not in (asked.target, *roles) and _names_rows(made, name):
        entry |= {"feature": False, "severity": "warning"}
        say("counts the rows, so it is no input")
    if name in asked.protected:
        entry |= _protected(found, kind, values)
        say("protected: no input, and watched for gaps between its groups")
    return {"type": kind, **entry}


def _names_more(made: Plan, found: Found, asked: Asked, say) -> bool:
    """Whether numbers whose column is called an id name too many things to be categories."""
    values = made.frame[found.name]
    if not (found.numbers_as_codes and NAMES.search(found.name) and values.n_unique() > CODES):
        return False
    if asked.group is None:
        made.decide.append(
            f"'{found.name}' names {values.n_unique():,} things in {len(values):,} rows: adopt again with GROUP={found.name} "
            "if the model will meet things that it has not seen"
        )
    say("names something that stands in several rows")
    return True


def _kind(made: Plan, name: str) -> str:
    if name in (made.contract["id"], made.contract["group"]):
        return "text"
    kind = made.found[name].kind
    return "text" if kind in ("empty", "constant") else kind


def _categories(values: pl.Series, is_target: bool, say) -> dict:
    """List the values of a category; the rarest of many are left to 'unknown', and text is no category."""
    known = values.drop_nulls()
    distinct = known.n_unique()
    if is_target or distinct <= CATEGORIES:
        return {"type": "category", "categories": sorted(known.unique().cast(pl.String))}
    if distinct >= UNIQUE * len(known) or float(known.cast(pl.String).str.len_chars().mean()) > WORDS:
        return {"type": "text"}
    least = max(10, 0.002 * len(known))
    most = [(name, rows) for name, rows in _counts(known, CATEGORIES) if rows >= least]
    if not most:
        return {"type": "text"}
    covered = sum(rows for _, rows in most) / len(known)
    say(
        f"{distinct:,} different values: the {len(most)} most frequent are listed ({covered:.0%} of the rows), all others count as unknown"
    )
    return {"type": "category", "categories": sorted(name for name, _ in most), "open": True}


def _range(values: pl.Series, kind: str) -> dict:
    """Return the range that was seen with headroom, rounded outwards; what was never negative stays so."""
    low, high = float(values.min()), float(values.max())
    room = HEADROOM * (high - low) or abs(high) or 1.0
    least = 0.0 if low >= 0 else _rounded(low - room, math.floor)
    most = 1.0 if kind == "integer" and {low, high} == {0.0, 1.0} else _rounded(high + room, math.ceil)
    if kind == "integer":  # a contract allows none beyond what float32 holds
        least, most = max(math.floor(least), -EXACT), min(math.ceil(most), EXACT)
    return {end: int(value) if value == int(value) else value for end, value in (("min", least), ("max", most))}


def _rounded(value: float, to) -> float:
    """Round to two digits, outwards."""
    step = 10.0 ** (math.floor(math.log10(abs(value))) - 1) if value else 1.0
    return float(f"{to(value / step) * step:.6g}")


def _protected(found: Found, kind: str, values: pl.Series) -> dict:
    if kind in ("text", "date"):
        raise CannotRun(
            f"PROTECTED names '{found.name}', which {_holds(found)}: groups need categories, booleans or numbers"
        )
    entry = {"protected": True, "feature": False}
    if kind not in ("integer", "number"):
        return entry
    low, high = float(values.min()), float(values.max())
    step = 10.0 ** math.floor(math.log10((high - low) / 20))
    quarters = {float(f"{round(values.quantile(share) / step) * step:.6g}") for share in (0.25, 0.5, 0.75)}
    edges = sorted(edge for edge in quarters if low < edge <= high) or [float(values.filter(values > low).min())]
    return entry | {"bands": [int(edge) if edge == int(edge) else edge for edge in edges]}
