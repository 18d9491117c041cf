"""What the target says: the task, the positive value, the classes, and the rows that cannot be used."""

import polars as pl

from mlops.adopt.columns import Found
from mlops.adopt.plan import Asked, Plan, counts
from mlops.errors import CannotRun

CLASSES = 50
FEW = 10  # different whole numbers up to here are classes, more are a quantity
CLASS_ROWS = 5
POSITIVE = (
    "yes", "true", "y", "t", "ja", "oui", "positive", "pos", "bad", "default", "churn", "churned", "fraud", "spam", "malignant",
    "died",
)  # fmt: skip
TRUTH = dict.fromkeys(("yes", "y", "true", "t", "1", "on", "ja", "oui", "sí", "si"), True)
TRUTH |= dict.fromkeys(("no", "n", "false", "f", "0", "off", "nein", "non"), False)


def decide(made: Plan, asked: Asked) -> None:
    """Write task, target and positive value into the contract; raises CannotRun where there is nothing to predict."""
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
    made.say(found.name, f"a number, so the task is regression; its standard deviation is {numbers.std():.6g}")


def _binary(made: Plan, found: Found, positive: str | None, distinct: int) -> None:
    if distinct != 2:
        raise CannotRun(f"task binary needs a target of two values, '{found.name}' has {distinct}")
    values = [value for value, _ in counts(found.values)]
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
    made.say(found.name, f"two values, so the task is binary; positive is {chosen!r}, {why}: {share:.1%} of the rows")
    if not positive and not by_name:
        made.decide.append(
            f"positive is {chosen!r}, because it is rarer: adopt again with POSITIVE= if the other one is what you predict"
        )


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
    made.say(found.name, f"{left} different values, so the task is multiclass")
    if numeric and not asked.task:
        made.decide.append(
            f"the {left} whole numbers of '{found.name}' are taken as classes: adopt again with TASK=regression to predict the number"
        )


def _without_rare(made: Plan, found: Found, text: pl.Series) -> int:
    """Leave out the rows of classes that are too rare, and return how many classes are left."""
    rows_of = dict(counts(text))
    rare = sorted(name for name, rows in rows_of.items() if rows < CLASS_ROWS)
    made.frame = made.frame.with_columns(text)
    if rare:
        shown = ", ".join(repr(name) for name in rare[:5]) + f" and {len(rare) - 5} more" * (len(rare) > 5)
        why = f"rows of {shown} are left out: fewer than {CLASS_ROWS} can be neither learned nor judged"
        made.say(found.name, why)
        made.keep(~text.is_in(rare))
    found.values, found.kind = made.frame[found.name], "category"
    return len(rows_of) - len(rare)
