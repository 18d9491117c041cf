"""The sample: seeded loan applications, month after month, whose causes are written down.

    age ──► employment ──► income ──► debt ──┬──► late_payments
     │          │            └───────────────┘
     │          └──► years_employed, which values are missing
     └──► income, years_employed, history_months, housing
    purpose, income ──► amount ──► term_months

    income, debt, amount, term_months, history_months, late_payments,
    years_employed, employment, purpose, housing ──► default             (`probability`)

    race ──► postcode          gender ──► nothing          (no arrow joins these three and the columns above)

People of one race live together, so postcode stands for race; neither tells anything about a default. Age acts only
through what it causes. Values are missing at random, in shares that depend on employment alone (MISSING); a missing one
counts as STAND_IN says, about the column's median: a model that fills in medians loses next to nothing. The default is
drawn from the values as they are observed: `true_probability` is exact, and no model ranks better but by luck.

PULSES are planted changes after the training window, the last one for good. All other months are quiet, drawn from one
distribution.
Money is in whole currency units, income a year's; years have one decimal. Randomness is uniform draws of PCG64, one stream
a month; sums of two stand in for a normal. Rounding takes away what processors disagree on: the same seed, the same bytes.
"""

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd

WORLD_START = np.datetime64("2023-01", "M")
COLUMNS = [
    "application_id", "applied_at", "income", "debt", "amount", "term_months", "history_months", "late_payments",
    "years_employed", "age", "employment", "purpose", "housing", "gender", "race", "postcode", "default",
]  # fmt: skip
CATEGORIES = {
    "employment": ("employed", "self_employed", "unemployed", "retired", "student"),
    "purpose": ("car", "home", "education", "medical", "debt_consolidation", "business"),
    "housing": ("rent", "own", "mortgage"),
    "gender": ("female", "male", "nonbinary"),
    "race": ("white", "black", "asian", "hispanic", "other"),
    "postcode": tuple(f"P{area:02d}" for area in range(1, 13)),
}

# Shares in per cent: one row a group of applicants, one column a value in the order of CATEGORIES.
AGES = [25, 60, 66]  # edges of the age groups
EMPLOYMENT_BY_AGE = np.array([[56, 3, 9, 0, 32], [76, 14, 8, 0, 2], [54, 12, 6, 28, 0], [11, 5, 1, 83, 0]])
HOUSING_BY_AGE = np.array([[84, 3, 13], [42, 16, 42], [24, 42, 34], [22, 62, 16]])
BURDENS = [0.25, 0.75]  # debt in years of income
LATE_BY_BURDEN = np.array([[70, 14, 7, 4, 2, 1, 1, 1], [64, 16, 9, 5, 3, 1, 1, 1], [56, 18, 11, 7, 4, 2, 1, 1]])
AMOUNTS, TERMS = [7_000, 18_000], np.array([12, 24, 36, 48, 60])
TERM_BY_AMOUNT = np.array([[40, 30, 18, 8, 4], [10, 22, 32, 20, 16], [3, 9, 24, 28, 36]])
PURPOSE, GENDER, RACE = np.array([28, 14, 12, 12, 24, 10]), np.array([48, 48, 4]), np.array([52, 20, 9, 14, 5])
HOME_AREAS = (range(5), range(5, 7), range(7, 9), range(9, 11), range(11, 12))  # by race, positions of postcode
AT_HOME = 70  # per cent who live in an area of their group; all others live anywhere
INCOME = np.array([44_000, 44_000, 24_000, 32_000, 20_000])  # by employment, in mid life
AMOUNT = np.array([15_000, 26_000, 12_000, 6_000, 11_000, 24_000])  # by purpose, at an income of 40,000
MISSING = {  # share of the self-employed, who bring fewer papers, and of all others
    "income": (0.08, 0.02), "debt": (0.03, 0.01), "history_months": (0.04, 0.04), "late_payments": (0.02, 0.02),
    "years_employed": (0.12, 0.03),
}  # fmt: skip
STAND_IN = {"income": 40_000, "debt": 12_000, "history_months": 96, "late_payments": 0, "years_employed": 2}


@dataclass(frozen=True)
class Pulse:
    """A planted change in the months start..end, both included.

    kind: covariate (the column's values change), concept (what they cause), quality (what is delivered of them).
    effect: what the values, or for a concept shift their part in the log-odds of a default, are multiplied by.
    """

    name: str
    kind: str
    column: str
    start: str
    end: str
    effect: float

    def factor(self, month: np.ndarray) -> np.ndarray:
        """Return `effect` for the months of the pulse, 1 for all others; `month` is datetime64[M], any shape."""
        return np.where((month >= np.datetime64(self.start)) & (month <= np.datetime64(self.end)), self.effect, 1.0)


DEBT = Pulse("debts double", "covariate", "debt", "2025-03", "2025-04", 2.0)
LATE = Pulse("late payments stop warning", "concept", "late_payments", "2025-07", "2025-08", -0.4)
THOUSANDS = Pulse("income in thousands", "quality", "income", "2025-11", "2025-11", 0.001)
PURPOSE_COUNTS = Pulse("what a loan is for counts eight times", "concept", "purpose", "2026-05", "9999-12", 8.0)
PULSES = (DEBT, LATE, THOUSANDS, PURPOSE_COUNTS)


def generate(start: str, end: str, *, seed: int = 7, rows_per_month: int = 2000, pulses: bool = True) -> pd.DataFrame:
    """Return the applications of the months `start`..`end` ("2024-01"), both included, oldest first, columns COLUMNS.

    A month's rows depend on (seed, rows_per_month, month) alone. pulses=False: the quiet world, from the same draws.
    Whole numbers with gaps are float64. Raises ValueError for a month that the world lacks and for a number out of range.
    """
    first, last = _month("start", start), _month("end", end)
    if last < first:
        raise ValueError(f"end {end} is before start {start}: swap them")
    _check("rows_per_month", rows_per_month, 1, 999_999)  # the digits of an id
    _check("seed", seed, 0, 2**63 - 1)
    months = np.arange(first, last + 1)
    return pd.concat([_rows(month, seed, rows_per_month, pulses) for month in months], ignore_index=True)


def true_probability(frame: pd.DataFrame, pulses: bool = True) -> np.ndarray:
    """Return P(default = 1) of any rows of `generate(..., pulses=pulses)`, in their order, shape [rows]."""
    month = frame["applied_at"].to_numpy().astype("datetime64[M]")
    row = {name: frame[name].to_numpy() for name in frame.columns}
    row |= {name: frame[name].to_numpy(dtype=np.float64, na_value=np.nan) for name in STAND_IN}
    income, effects = THOUSANDS.factor(month) if pulses else 1.0, _effects(month, pulses)
    return probability(row | {"income": np.round(row["income"] / income)}, *effects)


def probability(row: dict[str, np.ndarray], late_effect=1.0, purpose_effect=1.0) -> np.ndarray:
    """Return P(default = 1) of observed columns, shape [rows]: never higher with a higher income.

    Bent on purpose: steps at a debt of half a year's income and at the second late payment, which weighs more with debt.
    """
    known = {name: np.where(np.isnan(row[name]), value, row[name]) for name, value in STAND_IN.items()}
    income, late = known["income"], known["late_payments"]
    burden = known["debt"] / income
    heavy = burden > 0.5
    instalments = 12 * row["amount"] / row["term_months"] / income  # a year's, in years of income
    log_odds = (
        -3.4
        - 1.05 * np.log2(income / 40_000)
        + 0.2 * _part(burden, 0.6)
        + 0.8 * heavy
        + 1.0 * _part(instalments, 0.25)
        + late_effect * np.where(heavy, 0.46, 0.22) * (np.minimum(late, 4) + 1.5 * (late >= 2))
        + 0.4 * _part(36, known["history_months"])
        + 0.4 * _part(1.5, known["years_employed"])
        + _of("employment", row, [0.0, 0.1, 0.25, -0.15, 0.0])
        + purpose_effect * _of("purpose", row, [0.0, -0.15, 0.05, 0.1, 0.15, 0.25])
        + _of("housing", row, [0.15, -0.2, -0.05])
    )
    return np.round(1 / (1 + np.exp(-log_odds)), 9)


def _effects(month, pulses):
    return [pulse.factor(month) if pulses else 1.0 for pulse in (LATE, PURPOSE_COUNTS)]


def _part(value, other):
    return value / (value + other)


def _of(name, row, effects):
    return np.array(effects)[pd.Categorical(row[name], categories=CATEGORIES[name]).codes]


def _rows(month, seed, n, pulses):
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, int(month.astype(int))])))
    debt, income = (pulse.factor(month) if pulses else 1.0 for pulse in (DEBT, THOUSANDS))
    row = _application(rng, month, n) | _person(rng, n)
    row |= _money(rng, row) | _groups(rng, n)
    for name, (self_employed, others) in MISSING.items():
        row[name] = np.where(rng.random(n) < np.where(row["employment"] == 1, self_employed, others), np.nan, row[name])
    row |= {name: np.array(values, dtype=object)[row[name]] for name, values in CATEGORIES.items()}
    row["debt"] = row["debt"] * debt
    row["default"] = (rng.random(n) < probability(row, *_effects(month, pulses))).astype(np.int64)
    row["income"] = np.round(row["income"] * income, 3)
    return pd.DataFrame(row)[COLUMNS].astype(dict.fromkeys(["application_id", *CATEGORIES], "str"))


def _application(rng, month, n):
    first, following = (edge.astype("datetime64[D]") for edge in (month, month + 1))
    day = np.sort(np.floor((following - first).astype(int) * rng.random(n)))
    ids = [f"{month}-{number:06d}" for number in range(1, n + 1)]
    return {"application_id": ids, "applied_at": (first + day.astype("timedelta64[D]")).astype("datetime64[us]")}


def _person(rng, n):
    age = np.floor(18 + 73 * rng.random(n) * (0.35 + 0.65 * rng.random(n))).astype(np.int64)
    band = np.searchsorted(AGES, age, side="right")
    employment = _pick(rng, EMPLOYMENT_BY_AGE[band])
    years = np.round(np.minimum(age - 17, 45) * rng.random(n) * rng.random(n), 1) * (employment < 2)  # who has work
    history = np.floor(12 * (age - 17) * (0.1 + 0.6 * rng.random(n)))
    row = {"age": age, "employment": employment, "years_employed": years, "history_months": history}
    return row | {"housing": _pick(rng, HOUSING_BY_AGE[band])}


def _money(rng, row):
    n = len(row["age"])
    career = 0.7 + 0.6 * _part(row["age"] - 17, 20)
    income = _around(rng, INCOME[row["employment"]] * career, 0.34)
    wealth = np.sqrt(income / 40_000)
    debt = _around(rng, 14_000 * wealth, 0.9) * (rng.random(n) > 0.12)
    late = _pick(rng, LATE_BY_BURDEN[np.searchsorted(BURDENS, debt / income)]).astype(np.float64)
    purpose = _pick(rng, np.tile(PURPOSE, (n, 1)))
    amount = 100 * _around(rng, AMOUNT[purpose] * wealth / 100, 0.5).astype(np.int64)
    term = TERMS[_pick(rng, TERM_BY_AMOUNT[np.searchsorted(AMOUNTS, amount)])]
    row = {"income": income, "debt": debt, "late_payments": late, "purpose": purpose}
    return row | {"amount": amount, "term_months": term}


def _groups(rng, n):
    gender, race = _pick(rng, np.tile(GENDER, (n, 1))), _pick(rng, np.tile(RACE, (n, 1)))
    areas = np.full((len(RACE), 12), (100 - AT_HOME) / 12)
    for group, homes in enumerate(HOME_AREAS):
        areas[group, list(homes)] += AT_HOME / len(homes)
    return {"gender": gender, "race": race, "postcode": _pick(rng, areas[race])}


def _pick(rng, shares):
    return (100 * rng.random((len(shares), 1)) >= np.cumsum(shares, axis=1)[:, :-1]).sum(axis=1)


def _around(rng, middle, spread):
    normal = np.sqrt(6) * (rng.random(len(middle)) + rng.random(len(middle)) - 1)
    return np.round(middle * np.exp(spread * normal))


def _month(name, value):
    if not (isinstance(value, str) and re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", value)):
        raise ValueError(f'{name} {value!r} is not a month: write it as "2024-01"')
    if np.datetime64(value, "M") < WORLD_START:
        raise ValueError(f"{name} {value} is before the sample's first month: use {WORLD_START} or later")
    return np.datetime64(value, "M")


def _check(name, value, least, most):
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ValueError(f"{name} {value!r} is out of range: use a whole number from {least} to {most}")
