"""What a data scientist makes of a whole table: a plan, from its target, its roles and each of its columns."""

from collections.abc import Sequence
from difflib import get_close_matches

import polars as pl

from mlops.adopt import entries, roles, target
from mlops.adopt.columns import understand
from mlops.adopt.numerals import decimal_sign
from mlops.adopt.plan import Asked, Plan
from mlops.adopt.read import column
from mlops.errors import CannotRun

SHOWN = 10_000  # rows in which the file's decimal sign is looked for
LEAST = 100  # rows: with fewer there is nothing to test on


def plan(rows: pl.LazyFrame, asked: Asked, name: str, delimiter: str = "") -> Plan:
    """Return what becomes of the table called `name`; raises CannotRun with one sentence where it cannot be adopted.

    delimiter: what stands between the fields of a CSV file; after `;` a comma is rather a decimal one.
    """
    columns = rows.collect_schema().names()
    _named(columns, asked)
    # one at a time: texts take many times the memory of what they mean
    decimal = decimal_sign((column(rows.head(SHOWN), name) for name in columns), delimiter)
    found = {name: understand(column(rows, name), decimal, sentinels=name != asked.target) for name in columns}
    typed = pl.DataFrame([each.values for each in found.values()])
    made = Plan(typed, {"version": 1, "table": name}, found)
    made.decide += [sentence for each in found.values() for sentence in each.decide]
    made.words += [(each.name, sentence) for each in found.values() for sentence in each.why]
    if typed.width == 1:
        raise CannotRun(f"the table has one column, '{asked.target}': there is nothing to predict it from")
    _labelled(made, asked)
    target.decide(made, asked)
    roles.assign(made, asked)
    _groups_of_few(made, asked)
    made.contract["slices"] = list(asked.protected)
    made.contract["columns"] = {each: entries.entry(made, each, asked) for each in made.frame.columns}
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
        made.say(asked.target, f"{lost:,} rows without a target are left out")
    made.keep(known)
    if made.frame.height < LEAST:
        raise CannotRun(
            f"the table has {made.frame.height} rows with a value of '{asked.target}': {LEAST} is the least that can be split and judged"
        )


def _groups_of_few(made: Plan, asked: Asked) -> None:
    """Take protected numbers of few values as they are: bands are for many."""
    for name in asked.protected:
        found = made.found[name]
        if found.kind == "integer" and made.frame[name].n_unique() <= target.FEW:
            found.kind, found.values = "category", made.frame[name].cast(pl.String)
            made.frame = made.frame.with_columns(found.values)
