"""The contract's entry of each column: its type, range or categories, how many values may be missing, and who may read it."""

import math

import polars as pl

from mlops.adopt.columns import CATEGORIES, NAMES, UNIQUE, WORDS, Found
from mlops.adopt.plan import Asked, Plan, counts, holds
from mlops.adopt.roles import names_rows
from mlops.contract import EXACT
from mlops.errors import CannotRun

HEADROOM = 0.5  # of the range, beyond what was seen


def entry(made: Plan, name: str, asked: Asked) -> dict:
    """Return the contract's entry of one column, and say what was decided about it."""
    found, values = made.found[name], made.frame[name]
    kind, limits = _limits(made, name, asked)
    made_of = {"type": kind, **limits, **_missing(values), **_unread(made, name, kind)}
    if name in asked.protected:
        made_of |= _protected(found, kind, values)
        made.say(name, "protected: no input, and watched for gaps between its groups")
    return made_of


def _limits(made: Plan, name: str, asked: Asked) -> tuple[str, dict]:
    """Return the type, and the categories or the range."""
    found, values, kind = made.found[name], made.frame[name], _kind(made, name)
    if kind in ("integer", "number"):
        return kind, _range(values, kind)
    if kind != "category":
        return kind, {}
    if name != asked.target and name not in asked.protected and _names_more(made, found, asked):
        return "text", {}
    limits = _categories(made, name, name == asked.target)
    return limits.pop("type"), limits


def _missing(values: pl.Series) -> dict:
    """Return how many values may be missing: half as many again as were seen, and two of a hundred."""
    share = values.null_count() / len(values)
    allowed = {"nullable": min(1.0, math.ceil(100 * (1.5 * share + 0.02)) / 100)} if share else {}
    return allowed | ({"severity": "warning"} if share > 0.3 else {})


def _unread(made: Plan, name: str, kind: str) -> dict:
    """Return what keeps a column out of the model, if anything does; what is not read only warns where it is broken."""
    found, apart = made.found[name], [made.contract[role] for role in ("target", "id", "group", "time")]
    if kind == "text" and found.kind in ("empty", "constant"):
        made.say(name, "left out of the model")
        return {"nullable": True, "severity": "warning", "feature": False}
    if name in apart:
        return {}
    if kind in ("text", "date"):
        what = "a date" if kind == "date" else "text, or too many different values with few rows each"
        made.say(name, f"{what}: left out of the model")
    elif kind == "integer" and names_rows(made, name):
        made.say(name, "counts the rows, so it is no input")
    else:
        return {}
    return {"feature": False, "severity": "warning"}


def _names_more(made: Plan, found: Found, asked: Asked) -> bool:
    """Whether the values of a column that is called an id name too many things to be categories."""
    values = made.frame[found.name]
    if not (NAMES.search(found.name) and values.n_unique() > CATEGORIES):
        return False
    if asked.group is None:
        made.decide.append(
            f"'{found.name}' names {values.n_unique():,} things in {len(values):,} rows: adopt again with GROUP={found.name} "
            "if the model will meet things that it has not seen"
        )
    made.say(found.name, "names something that stands in several rows")
    return True


def _kind(made: Plan, name: str) -> str:
    if name in (made.contract["id"], made.contract["group"]):
        return "text"
    kind = made.found[name].kind
    return "text" if kind in ("empty", "constant") else kind


def _categories(made: Plan, name: str, is_target: bool) -> dict:
    """List the values of a category; the rarest of many are left to 'unknown', and text is no category."""
    known = made.frame[name].drop_nulls()
    distinct = known.n_unique()
    if is_target or distinct <= CATEGORIES:
        return {"type": "category", "categories": sorted(known.unique().cast(pl.String))}
    if distinct >= UNIQUE * len(known) or float(known.cast(pl.String).str.len_chars().mean()) > WORDS:
        return {"type": "text"}
    least = max(10, 0.002 * len(known))
    most = [(value, rows) for value, rows in counts(known, CATEGORIES) if rows >= least]
    if not most:
        return {"type": "text"}
    covered = sum(rows for _, rows in most) / len(known)
    made.say(
        name,
        f"{distinct:,} different values: the {len(most)} most frequent are listed ({covered:.0%} of the rows), all others count as unknown",
    )
    return {"type": "category", "categories": sorted(value for value, _ in most), "open": True}


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
            f"PROTECTED names '{found.name}', which {holds(found)}: groups need categories, booleans or numbers"
        )
    entry = {"protected": True, "feature": False}
    if kind not in ("integer", "number"):
        return entry
    low, high = float(values.min()), float(values.max())
    step = 10.0 ** math.floor(math.log10((high - low) / 20))
    quarters = {float(f"{round(values.quantile(share) / step) * step:.6g}") for share in (0.25, 0.5, 0.75)}
    edges = sorted(edge for edge in quarters if low < edge <= high) or [float(values.filter(values > low).min())]
    return entry | {"bands": [int(edge) if edge == int(edge) else edge for edge in edges]}
