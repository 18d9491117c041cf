"""What a data scientist sees in one column: its type, its missing values, its range, whether it can be an input of a model."""

import re
from dataclasses import dataclass, field, replace
from functools import partial

import polars as pl

from mlops.adopt.numerals import NUMERIC, READABLE, SIGNS, UNIT, bare, parsed, plain, sentinel, told
from mlops.contract import EXACT

# missing, whatever else is there
ALWAYS = ("?", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "NULL", "null", "<NA>", "NaT")
STRAYS = 3  # so many different words among numbers are markers of missing values, not text
BOOLEANS = (("true", "false"), ("yes", "no"), ("on", "off"), ("ja", "nein"), ("oui", "non"), ("sí", "no"), ("si", "no"))
LONG = {"y": "yes", "n": "no", "t": "true", "f": "false"}
FORMATS = (
    "%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d", "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%m-%d-%Y", "%d-%m-%Y", "%m/%d/%y", "%d/%m/%y",
    "%d-%b-%Y", "%d-%b-%y", "%d %b %Y", "%b %d, %Y", "%B %d, %Y", "%Y-%m",
)  # fmt: skip
CLOCKS = ("", " %H:%M:%S%.f", "T%H:%M:%S%.f", " %H:%M", "T%H:%M", "T%H:%M:%S%.fZ", " %I:%M %p")
ZONES = (" %H:%M:%S%.f%z", "T%H:%M:%S%.f%z", " %H:%M:%S%.f %z")
DAYS = (19000101, 22001231)  # whole numbers between them may be days
CODE = re.compile(
    r"(?i:(^|[_\W])(code|zip|zipcode|postcode|plz|type|class|category|cat|status|kind|region|cluster|sex|gender|race)$)"
    r"|(?<=[a-z])(Code|Type|Class|Zip|Status|Region)$"
)
# what a column is called that names each row, or something that may stand in several
ID = re.compile(
    r"(?i:^(id|index|uuid|guid|key|rowid|row|no|nr|instant|rownames|unnamed.*|column_1)$|[_\W](id|no|nr|key|uuid)$|^id[_\W])"
    r"|(?<=[a-z])(ID|Id)$"
)
NAMES = re.compile(
    r"#$|((?i:^|[_\W])|(?<=[a-z])(?=[A-Z]))(?i:(id|key|uuid|guid"
    r"|(subject|patient|user|customer|client|store|shop|account|household|person)([_\W]?(id|no|nr|num|number|code))?)$)"
)
LARGEST = 3e38  # float32, in which models compute, ends there
FEW = 0.05  # of the values may be written as codes are, and the others still count something
CATEGORIES = 40  # the most that are listed; rarer values count as unknown
CODES = 50  # an integer whose name says code has no more values than these
SAMPLE = 1000
MOST = 0.95  # of a sample must be dates, for the whole to be looked at
UNIQUE = 0.9  # a share of different texts from which on a column names its rows
WORDS = 60  # characters on average: longer is prose


@dataclass
class Found:
    """One column, understood. kind as in data/contract.yaml, or empty, constant; why: the sentences that a person reads."""

    name: str
    values: pl.Series
    kind: str
    why: list[str] = field(default_factory=list)
    decide: list[str] = field(default_factory=list)  # sentences on which a person must decide
    unique: bool = False  # every row has a value of its own
    numbers_as_codes: bool = False

    def ask(self, sentence: str, advice: str) -> None:
        """Say what was decided, and ask a person whether it is right."""
        self.why.append(sentence)
        self.decide.append(f"'{self.name}': {sentence}. {advice}")


def understand(values: pl.Series, decimal: str = "", sentinels: bool = True) -> Found:
    """Return what one column is, with its values typed: numbers float64 or int64, booleans, datetimes, texts.

    decimal: the file's decimal sign, "" where it is not known. sentinels: whether a number may stand for a missing value.
    """
    found = _typed(values, decimal, sentinels)
    kept = found.values.drop_nulls()
    distinct = kept.n_unique()
    found.unique = distinct == len(values)
    if not len(kept):
        return replace(found, kind="empty", why=[*found.why, "every value is missing"])
    if distinct == 1:
        return replace(found, kind="constant", why=[*found.why, f"every value is the same ({_short(kept[0])})"])
    return found


def _short(value) -> str:
    text = str(value)
    return text if len(text) <= 40 else f"{text[:39]}…"


def _typed(values: pl.Series, decimal: str, sentinels: bool) -> Found:
    kind = values.dtype
    if kind == pl.Boolean:
        return Found(values.name, values, "boolean")
    if kind == pl.Duration:
        why = ["a duration, read as seconds"]
        return _number(Found(values.name, values.dt.total_microseconds() / 1e6, "number", why), sentinels)
    if kind.is_temporal() and kind != pl.Time:
        return Found(values.name, _naive(values), "date")
    if kind.is_numeric():
        return _days(values) or _number(Found(values.name, values, "number"), sentinels)
    return _from_text(values.cast(pl.String).str.strip_chars(), decimal, sentinels)


def _naive(values: pl.Series) -> pl.Series:
    if getattr(values.dtype, "time_zone", None):
        values = values.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    return values.cast(pl.Datetime("us"))


def _from_text(values: pl.Series, decimal: str, sentinels: bool) -> Found:
    marks = values.is_in([*ALWAYS, ""])
    why = _said_missing(values, marks)
    values = _without(values, marks)
    known = values.drop_nulls()
    if not len(known):
        return Found(values.name, values, "empty", why)
    numbers = partial(_numbers, decimal=decimal, sentinels=sentinels)
    for attempt in (_booleans, _compact_dates, numbers, _dates):
        found = attempt(values, known)
        if found is not None:
            return replace(found, why=why + found.why)
    if _some(known).n_unique() < SAMPLE / 2:  # a number a row instead of a text a row, where texts repeat
        values = values.cast(pl.Categorical)
    return Found(values.name, values, "category", why)


def _some(known: pl.Series) -> pl.Series:
    """Return at most SAMPLE values from all over the column: what they cannot be, it is not."""
    return known.gather_every(len(known) // SAMPLE + 1)


def _without(values: pl.Series, marks: pl.Series) -> pl.Series:
    return pl.select(pl.when(~marks).then(values)).to_series().alias(values.name) if marks.any() else values


def _said_missing(values: pl.Series, marks: pl.Series) -> list[str]:
    shown = sorted(set(values.filter(marks.fill_null(False)).to_list()) - {""})
    rows = int(marks.fill_null(False).sum())
    return [f"{', '.join(repr(mark) for mark in shown)} in {rows:,} rows read as missing"] if shown else []


def _booleans(values: pl.Series, known: pl.Series) -> Found | None:
    if _some(known).n_unique() > 8:
        return None
    lower = known.unique().str.to_lowercase()
    words = {LONG.get(word, word) for word in lower}
    pair = next((pair for pair in BOOLEANS if words == set(pair)), None)
    if pair is None:
        return None
    truth = values.str.to_lowercase().replace(LONG) == pair[0]
    spelled = sorted(known.unique())
    return Found(
        values.name,
        truth.alias(values.name),
        "boolean",
        [f"{', '.join(map(repr, spelled))} read as true and false"] if spelled != ["False", "True"] else [],
    )


def _numbers(values: pl.Series, known: pl.Series, decimal: str, sentinels: bool) -> Found | None:
    some = _some(known)
    if max(parsed(plain(some, sign)).is_not_null().mean() for sign in SIGNS) < NUMERIC / 2:
        return None
    zeros = known.str.contains(r"^[-+]?0\d")
    if zeros.mean() >= FEW or (zeros.any() and known.str.len_chars().n_unique() == 1):  # 01067 is a code
        return None
    long = known.str.contains(r"^[-+]?\d{19,}$")
    if long.mean() >= FEW or (long.any() and NAMES.search(values.name)):
        why = "numbers of more digits than a computer counts with: codes"
        return Found(values.name, values.cast(pl.Categorical), "category", [why], numbers_as_codes=True)
    found = _read_numbers(values, known, decimal)
    numbers = parsed(found.values)
    strange = values.filter(numbers.is_null() & values.is_not_null()).unique()
    lost = int(numbers.null_count() - values.null_count())
    if lost > (1 - NUMERIC) * len(known) or len(strange) > STRAYS:
        return None
    if zeros.any():
        found.why.append(f"zeros in front dropped in {int(zeros.sum()):,} rows: too few for codes")
    if lost:
        shown = ", ".join(repr(word) for word in sorted(strange))
        found.why.append(f"{shown} in {lost:,} rows read as missing: all else is a number")
    whole = found.values.cast(pl.Int64, strict=False)  # floats would merge ids of 17 digits
    exact = whole if whole.null_count() == numbers.null_count() else numbers
    return _number(replace(found, values=exact.alias(values.name)), sentinels)


def _read_numbers(values: pl.Series, known: pl.Series, decimal: str) -> Found:
    """Return numbers as texts that a computer reads, of two readings the one that gives more of them, and what is said of it."""
    found = Found(values.name, values, "number")
    dots = known.str.contains(".", literal=True).any()
    if (decimal == "." or not dots) and parsed(known).null_count() == 0:
        return found
    own = told(_some(known)) or told(known)
    first = own or decimal or "."
    sign = min((first, SIGNS[first]), key=lambda sign: parsed(plain(known, sign)).null_count())
    found.values = plain(values, sign)
    if (found.values != values).any():
        name = "point" if sign == "." else "comma"
        found.why.append(f"read with a decimal {name}, without thousands separators, currency and per cent signs")
    _ask_sign(found, known, sign if not own and not decimal else "")
    units = sorted(known.str.extract(rf"(?i)({UNIT})").str.to_uppercase().drop_nulls().unique())
    if len(units) > 1:
        found.ask(f"{', '.join(units)} read as one unit", "If they are not, write all values in one and adopt again")
    return found


def _ask_sign(found: Found, known: pl.Series, guessed: str) -> None:
    """Ask about numbers that mean a thousand times as much with the other decimal sign than with the one that was guessed."""
    either = bare(known.filter(known.str.contains(r"\d[.,]\d"))) if guessed else known.clear()
    either = either.filter(either.str.contains(READABLE["."]) & either.str.contains(READABLE[","]))
    if len(either):
        this, other = (float(plain(either[:1], sign)[0]) for sign in (guessed, SIGNS[guessed]))
        found.ask(
            f"{either[0]!r} read as {this:.15g}, not as {other:.15g}: nothing in the file tells which",
            "If that is wrong, write the numbers without thousands separators and adopt again",
        )


def _number(found: Found, sentinels: bool) -> Found:
    """Whole numbers are integers; infinities and numbers that stand for nothing are missing; what float32 cannot hold is a code."""
    values, numbers = found.values, found.values.cast(pl.Float64)
    nothing = numbers.is_nan().fill_null(False)
    endless = (numbers.abs() > LARGEST).fill_null(False) & ~nothing  # nan counts as larger than all
    if endless.any():
        found.why.append(f"infinite in {int(endless.sum()):,} rows, read as missing")
    gone = endless | nothing
    stand_in = sentinel(_without(numbers, gone)) if sentinels else None
    if stand_in is not None:
        stands = (numbers == stand_in).fill_null(False)
        why = f"{stand_in:.15g} in {int(stands.sum()):,} rows read as missing: it is far from all other values"
        found.ask(why, "Check that it was never measured: the model does not see it")
        gone |= stands
    numbers, values = _without(numbers, gone), _without(values, gone)
    known = numbers.drop_nulls()
    if not len(known) or (known != known.round()).any():
        return replace(found, values=numbers)
    exact = values if values.dtype.is_integer() else numbers.cast(pl.Int64, strict=False)
    reason = _code(found.name, known)
    if reason:
        found.why.append(reason)
        return replace(found, values=exact.cast(pl.String), kind="category", numbers_as_codes=True)
    if float(known.abs().max()) > EXACT:
        return replace(found, values=numbers)
    return replace(found, values=exact.cast(pl.Int64), kind="integer")


def _code(name: str, known: pl.Series) -> str:
    """Return why whole numbers are codes, "" where they count something."""
    if (known.abs() > EXACT).mean() >= FEW:
        return f"whole numbers above {EXACT:,} are codes: float32, in which models compute, cannot tell them apart"
    if NAMES.search(name):
        return "whole numbers whose column's name says id"
    if CODE.search(name) and known.n_unique() <= CODES:
        return "whole numbers whose column's name says code"
    return ""


def _dates(values: pl.Series, known: pl.Series) -> Found | None:
    sample = _some(known)
    if sample.str.contains(r"\d").mean() < MOST or float(sample.str.len_chars().mean()) > 35:
        return None
    fits = [
        form
        for clock in CLOCKS + ZONES
        for form in (day + clock for day in (FORMATS if clock not in ZONES else FORMATS[:2]))
        if _read_dates(sample, form).is_not_null().mean() >= MOST
    ]
    shares = {form: float(_read_dates(known, form).is_not_null().mean()) for form in fits}
    best = max(shares, key=lambda form: shares[form], default=None)
    if best is None or shares[best] < 0.99:
        return None
    why = []
    if best.startswith("%m/%d") and any(form.startswith("%d/%m") and shares[form] == shares[best] for form in fits):
        why.append("month first, then day: no value says which it is")
    dates = _read_dates(values, best)
    lost = int(dates.null_count() - values.null_count())
    if lost:
        why.append(f"no date in {lost:,} rows, read as missing")
    return Found(values.name, dates, "date", why)


def _compact_dates(values: pl.Series, known: pl.Series) -> Found | None:
    """20240131 is a day, though it is a number too."""
    return _dates(values, known) if known.str.contains(r"^(19|20)\d{6}$").all() else None


def _days(values: pl.Series) -> Found | None:
    known = values.drop_nulls()
    if not values.dtype.is_integer() or not len(known) or not DAYS[0] <= known.min() <= known.max() <= DAYS[1]:
        return None
    return _compact_dates(values.cast(pl.String), known.cast(pl.String))


def _read_dates(text: pl.Series, form: str) -> pl.Series:
    if form == "%Y-%m":
        text, form = text + "-01", "%Y-%m-%d"
    kind = pl.Datetime("us", "UTC") if form.endswith("%z") else pl.Datetime("us")
    try:
        return _naive(text.str.strptime(kind, form, strict=False))
    except pl.exceptions.PolarsError:
        return pl.Series(text.name, [None] * len(text), dtype=pl.Datetime("us"))
