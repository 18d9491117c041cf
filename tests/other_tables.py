"""Tables of other people, each with the traits of one that is found in the wild: what `make adopt` is given, and what it should make of it."""

import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq


@dataclass(frozen=True)
class Case:
    """A file's bytes, the words beside it, and what becomes of it.

    red: the gates that fail; said: what is printed; decide: what a person must decide.
    """

    content: Callable[[], bytes]
    words: tuple[str, ...]
    task: str
    features: tuple[str, ...]
    said: tuple[str, ...]
    red: frozenset = frozenset()
    decide: tuple[str, ...] = ()
    name: str = "others.csv"


def csv(columns: dict, separator: str = ",", header: bool = True) -> bytes:
    """The bytes of a CSV file."""
    lines = [separator.join(columns)] * header
    lines += [separator.join(map(str, row)) for row in zip(*columns.values(), strict=True)]
    return ("\n".join(lines) + "\n").encode()


def likely(rng, log_odds) -> np.ndarray:
    """Draws that come true as often as the log-odds say, booleans."""
    return rng.random(len(log_odds)) < 1 / (1 + np.exp(-log_odds))


def with_gaps(rng, values, share: float, mark: str = "") -> list:
    """Values of which a share is a mark of missing ones."""
    return [mark if gone else value for value, gone in zip(values, rng.random(len(values)) < share, strict=True)]


def answers_and_ids(rows: int = 800) -> bytes:
    """Two booleans spelled out, an id that counts from a thousand."""
    rng = np.random.default_rng(1)
    income, visits, member = rng.normal(40, 10, rows).round(2), rng.poisson(4, rows), rng.random(rows) < 0.5
    left = likely(rng, (income - 40) / 6 + 0.4 * (visits - 4) - member)
    word = np.array(["No", "Yes"])
    columns = {"customer_id": np.arange(1000, 1000 + rows), "income": income, "visits": visits}
    return csv(columns | {"member": word[member.astype(int)], "churned": word[left.astype(int)]})


def headless(rows: int = 800) -> bytes:
    """No header, blanks after the commas, question marks for what is missing."""
    rng = np.random.default_rng(2)
    age, hours = rng.integers(18, 80, rows), rng.integers(10, 60, rows)
    work = np.array([" Private", " State-gov", " Self-emp"])[rng.integers(0, 3, rows)]
    rich = likely(rng, (age - 45) / 12 + (hours - 38) / 10 - 1)
    columns = {
        "a": age,
        "b": with_gaps(rng, work, 0.06, " ?"),
        "c": [f" {each}" for each in hours],
        "d": np.array([" <=50K", " >50K"])[rich.astype(int)],
    }
    return csv(columns, header=False)


def semicolons(rows: int = 1200) -> bytes:
    """Decimal commas, dates with dots, umlauts of Windows, three orders a customer."""
    rng = np.random.default_rng(3)
    amount, city = rng.gamma(2, 600, rows).round(2), np.array(["Köln", "Zürich", "Linz"])[rng.integers(0, 3, rows)]
    late = likely(rng, (amount - 1200) / 500 + (city == "Köln"))
    day = np.datetime64("2023-01-01") + rng.integers(0, 600, rows)
    columns = {
        "kunde": [f"K{row // 3:05d}" for row in range(rows)],
        "datum": [f"{str(each)[8:]}.{str(each)[5:7]}.{str(each)[:4]}" for each in day],
        "umsatz": [f"{each:,.2f}".translate(str.maketrans(",.", ".,")) for each in amount],
        "größe": [f"{each:.1f}".replace(".", ",") for each in rng.normal(170, 10, rows)],
        "stadt": city,
        "verspätet": np.array(["nein", "ja"])[late.astype(int)],
    }
    return csv(columns, ";").decode().encode("cp1252")


def kinds(rows: int = 900) -> bytes:
    """Three words, told apart by two numbers."""
    rng = np.random.default_rng(4)
    kind = rng.integers(0, 3, rows)
    columns = {"length": (kind + rng.normal(0, 0.6, rows)).round(3), "width": (rng.normal(0, 1, rows) - kind).round(3)}
    return csv(
        columns
        | {"colour": np.array(["u", "v"])[rng.integers(0, 2, rows)], "kind": np.array(["ash", "beech", "cedar"])[kind]}
    )


def marks(rows: int = 900) -> bytes:
    """Grades from 4 to 7, and three rows of a nine."""
    rng = np.random.default_rng(5)
    sugar, acid = rng.normal(0, 1, (2, rows)).round(3)
    grade = 4 + np.digitize(sugar + acid + rng.normal(0, 0.5, rows), [-1, 0, 1])
    grade[:3] = 9
    return csv({"sugar": sugar, "acid": acid, "quality": grade})


def gaps(rows: int = 900) -> bytes:
    """A price, and eight columns of which most are missing in many rows."""
    rng = np.random.default_rng(6)
    values = rng.normal(10, 3, (8, rows)).round(2)
    price = (3 * values[0] + 2 * values[1] - values[2] + rng.normal(0, 2, rows)).round(2)
    columns = {f"m{place}": with_gaps(rng, each, 0.08 * place) for place, each in enumerate(values)}
    return csv(columns | {"all_gone": [""] * rows, "price": price})


def unfair(rows: int = 3000) -> bytes:
    """Pay that stands for a group, and a decision that follows pay."""
    rng = np.random.default_rng(7)
    group = rng.integers(0, 2, rows)
    pay = (rng.normal(30, 5, rows) + 8 * group).round(2)
    granted = likely(rng, (pay - 34) / 2)
    return csv({
        "pay": pay, "years": rng.integers(0, 30, rows), "gender": np.array(["female", "male"])[group],
        "granted": granted.astype(int),
    })  # fmt: skip


def leaking(rows: int = 800) -> bytes:
    """A refund that is known only after the answer."""
    rng = np.random.default_rng(8)
    price, weight = rng.normal(50, 15, rows).round(2), rng.normal(3, 1, rows).round(2)
    back = likely(rng, (price - 50) / 10 - (weight - 3))
    return csv({"price": price, "weight": weight, "refund": np.where(back, price, 0.0), "returned": back.astype(int)})


def typed(rows: int = 900) -> bytes:
    """Parquet with dates, booleans, infinities, a zone, gaps and -999."""
    rng = np.random.default_rng(9)
    load, heat = rng.normal(5, 2, rows), rng.normal(20, 5, rows).round(1)
    cost = 4 * load + heat + rng.normal(0, 2, rows)
    load[:4], heat[:30] = [np.inf, -np.inf, np.inf, np.nan], -999
    start = np.datetime64("2024-01-01T00:00:00") + np.arange(rows).astype("timedelta64[h]")
    table = pa.table({
        "run": pa.array(np.arange(rows), pa.int32()),
        "started": pa.array(start.astype("datetime64[us]")).cast(pa.timestamp("us", "UTC")),
        "load": load,
        "heat": heat,
        "night": pa.array([None if row % 20 == 7 else row % 3 == 0 for row in range(rows)]),
        "site": pa.array([["north", "south", None][row % 3] for row in range(rows)]).dictionary_encode(),
        "cost": cost.astype("float32"),
    })  # fmt: skip
    data = io.BytesIO()
    pq.write_table(table, data)
    return data.getvalue()


def cities(rows: int = 1500) -> bytes:
    """A category of hundreds of values, most of them rare."""
    rng = np.random.default_rng(10)
    city = np.minimum(rng.geometric(0.05, rows), 200)
    age = rng.integers(18, 80, rows)
    bought = likely(rng, (age - 48) / 12 + (city < 5))
    return csv({"city": [f"city {each}" for each in city], "age": age, "bought": bought.astype(int)})


def odd_names(rows: int = 800) -> bytes:
    """Columns called as the template's own, or as nobody calls one; values that YAML could misread."""
    rng = np.random.default_rng(11)
    values = rng.normal(0, 1, (7, rows)).round(3)
    truth = rng.random(rows) < 0.5
    happened = likely(rng, values.sum(axis=0) / 1.5)
    names = ["_key", "_score", "score", "decision", '"he said ""a.b[0]"" | <b>"', "z" * 300, '"two\nlines"']
    columns = dict(zip(names, values, strict=True)) | {
        "key": np.array(["yes", "~", "1.0", "- no"])[rng.integers(0, 4, rows)]
    }
    return csv(columns | {"slice_a": np.array(["false", "true"])[truth.astype(int)], "target": happened.astype(int)})


CASES = {
    "answers and ids": Case(
        answers_and_ids, ("--target", "churned"), "binary", ("income", "visits", "member"),
        ("'No', 'Yes' read as true and false", "names each row, so it is the id and no input", "positive is True, by its name"),
    ),
    "no header, question marks": Case(
        headless, ("--target", "column_4"), "binary", ("column_1", "column_2", "column_3"),
        ("the file has no header", "'?' in ", "positive is '>50K', the rarer one", "added: a hash of the row's other columns"),
        decide=("positive is '>50K', because it is rarer",),
    ),
    "semicolons, decimal commas, cp1252": Case(
        semicolons, ("--target", "verspätet", "--time", "datum", "--group", "kunde"), "binary", ("umsatz", "größe", "stadt"),
        ("the file is cp1252, read as such", "fields are separated by ';'", "read with a decimal comma"),
    ),
    "classes in words": Case(
        kinds, ("--target", "kind"), "multiclass", ("length", "width", "colour"),
        ("3 different values, so the task is multiclass",),
    ),
    "classes in numbers, one rare": Case(
        marks, ("--target", "quality"), "multiclass", ("sugar", "acid"),
        ("rows of '9' are left out: fewer than 5", "4 different values, so the task is multiclass"),
        decide=("adopt again with TASK=regression to predict the number",),
    ),
    "a price, many gaps": Case(
        gaps, ("--target", "price"), "regression", tuple(f"m{place}" for place in range(8)),
        ("a number, so the task is regression", "every value is missing; left out of the model"),
    ),
    "a gap between groups": Case(
        unfair, ("--target", "granted", "--protected", "gender"), "binary", ("pay", "years"),
        ("protected: no input, and watched for gaps between its groups",),
        red=frozenset({"fairness"}), decide=("gender: selection rate gap", "gender: true positive rate gap", "gender: proxies among the inputs"),
    ),
    "a column that knows the answer": Case(
        leaking, ("--target", "returned"), "binary", ("price", "weight"),
        ("no input   WARNING: alone tells the target almost perfectly",),
        decide=("WARNING: 'refund' alone tells the target almost perfectly",),
    ),
    "typed Parquet": Case(
        typed, ("--target", "cost", "--id", "run", "--time", "started"), "regression", ("load", "heat", "night", "site"),
        ("infinite in 3 rows, read as missing", "-999 in 30 rows read as missing: it is far from all other values"),
        decide=("'heat': -999 in 30 rows read as missing",), name="others.parquet",
    ),
    "hundreds of cities": Case(
        cities, ("--target", "bought"), "binary", ("city", "age"),
        ("most frequent are listed", "all others count as unknown"),
        decide=("deepchecks DataDuplicates does not hold", "deepchecks NewCategoryTrainTest does not hold"),
    ),
    "odd names": Case(
        odd_names, ("--target", "target", "--protected", "slice_a"), "binary",
        ("_key_", "_score_", "score", "decision", 'he said "a.b[0]" | <b>', "z" * 300, "two lines", "key"),
        ("protected: no input",),
        decide=("deepchecks SpecialCharacters does not hold", "fewer than two groups of slice_a have enough rows"),
    ),
}  # fmt: skip
