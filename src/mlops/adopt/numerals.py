"""Numbers as people write them: which sign is the decimal one, what they mean, and which of them stand for nothing."""

import re
from collections.abc import Iterable

import polars as pl

NUMERIC = 0.9  # of the values must be numbers, for the rest to be markers
UNIT = r"EUR|USD|GBP|CHF|[$€£%]"
BEFORE, AFTER = rf"(?i)^([-+]?)\s*(?:{UNIT})\s*", rf"(?i)\s*(?:{UNIT})$"
SIGNS = {".": ",", ",": "."}  # a decimal sign, and what then stands before every three digits
READABLE = {
    sign: rf"^[-+]?(?:(?:0|[1-9]\d*)?[{sign}]?\d*(?:[eE][-+]?\d+)?|[1-9]\d{{0,2}}(?:[{other}]\d{{3}})+(?:[{sign}]\d+)?)$"
    for sign, other in SIGNS.items()
}
SENTINELS = re.compile(r"9{2,}|-9+|-1")
FAR = 20  # times as large as all others is a number of nines that stands for nothing: 99,999 can be a gain


def decimal_sign(columns: Iterable[pl.Series], delimiter: str = "") -> str:
    """Return the decimal sign of a table, "." or ",", from those of its texts that can be read one way only; "" is not known."""
    known = (values.drop_nulls().str.strip_chars() for values in columns if values.dtype == pl.String)
    signs = {told(texts) for texts in known} - {""}
    if len(signs) == 1:
        return signs.pop()
    return "," if delimiter == ";" else ""


def told(known: pl.Series) -> str:
    """Return the decimal sign without which a column cannot be read, "" where it does not tell."""
    signed = bare(known.filter(known.str.contains(r"[.,]\d")))
    if not len(signed):
        return ""
    read = {sign: signed.str.contains(READABLE[sign]) for sign in SIGNS}
    fits = [sign for sign, other in SIGNS.items() if read[sign].mean() >= NUMERIC and (read[sign] & ~read[other]).any()]
    return fits[0] if len(fits) == 1 else ""


def bare(text: pl.Series) -> pl.Series:
    """Take currency and per cent signs away."""
    return text.str.replace(BEFORE, "${1}").str.replace(AFTER, "")


def plain(text: pl.Series, sign: str) -> pl.Series:
    """Return numbers with this decimal sign as 1234.5; the other one goes where it stands before every three digits: 31.12.2024 is none."""
    text, other = bare(text), SIGNS[sign]
    grouped = text.str.contains(rf"^[-+]?\d{{1,3}}([{other}]\d{{3}})+([{sign}]\d+)?$").fill_null(False)
    text = text.zip_with(~grouped, text.str.replace_all(other, "", literal=True))
    return text.str.replace(sign, ".", literal=True)


def parsed(text: pl.Series) -> pl.Series:
    """Return the numbers that a computer reads; all else is missing."""
    return text.cast(pl.Float64, strict=False)


def sentinel(numbers: pl.Series) -> float | None:
    """Return a number that stands for 'missing', None where there is none: -999 and its like, repeated, far from all else."""
    known = numbers.drop_nulls()
    if known.n_unique() < 3:
        return None
    for extreme in (float(known.min()), float(known.max())):
        others = known.filter(known != extreme)
        rows = len(known) - len(others)
        if rows >= max(2, 0.002 * len(known)) and SENTINELS.fullmatch(f"{extreme:.15g}") and _far(extreme, others):
            return extreme
    return None


def _far(extreme: float, others: pl.Series) -> bool:
    """Whether a number of nines is FAR above all others, or has two of: below -90; alone below zero; further away than they are wide."""
    low, high = float(others.min()), float(others.max())
    if extreme > 0:
        return extreme > FAR * max(abs(low), abs(high))
    return (extreme < -90) + (low >= 0) + (low - extreme > high - low) >= 2
