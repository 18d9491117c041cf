"""data/contract.yaml: the one place that says what a column is.

Expectations, features, slices, model inputs and the card are made from it; nothing else in the template names a column.
"""

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, model_validator

from mlops.config import Strict, load
from mlops.paths import CONTRACT
from mlops.task import Task

EXACT = 2**24  # float32 holds every whole number up to here, and no further


class Column(Strict):
    """What one column holds, and what happens when it does not."""

    type: Literal["number", "integer", "category", "boolean", "date", "text"]
    description: str = ""
    min: float | None = None
    max: float | None = None
    categories: Annotated[list[str], Field(min_length=1)] | None = None
    open: bool = False  # values beyond `categories` are allowed, and count as unknown
    nullable: Annotated[float, Field(ge=0, le=1)] | bool = False  # a number is the largest share that may be missing
    severity: Literal["critical", "warning"] = "critical"
    protected: bool = False
    feature: bool = True
    logged: bool = False  # in the prediction log, though protected or text
    direction: Literal["up", "down"] | None = None  # where a larger value moves the score
    bands: Annotated[list[float], Field(min_length=1)] | None = None  # lower edges: [18, 30] gives 18-30 and 30+

    @model_validator(mode="after")
    def _fits_its_type(self):
        numeric = self.type in ("number", "integer")
        if self.type == "category" and not self.categories:
            raise ValueError("a category column needs `categories`, the list of its values")
        if self.categories and self.type != "category":
            raise ValueError(f"`categories` belongs to type category, not {self.type}")
        if self.open and self.type != "category":
            raise ValueError(f"`open` belongs to type category, not {self.type}")
        twice = [name for name in self.categories or [] if self.categories.count(name) > 1]
        if twice:
            raise ValueError(f"`categories` names '{twice[0]}' twice: each value has one place")
        if not numeric and (self.min is not None or self.max is not None or self.bands or self.direction):
            raise ValueError(f"`min`, `max`, `direction` and `bands` belong to number and integer, not {self.type}")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"`min` {self.min:g} is above `max` {self.max:g}")
        if self.protected and not (self.categories or self.bands or self.type == "boolean"):
            raise ValueError("a protected column needs `categories` or `bands`: gaps are judged between groups")
        if self.type == "integer" and max(abs(self.min or 0), abs(self.max or 0)) > EXACT:
            raise ValueError(
                f"an integer above {EXACT:,} is a code or an id, which float32 cannot tell apart: make it a category, or text"
            )
        if self.bands and list(self.bands) != sorted(set(self.bands)):
            raise ValueError("`bands` must be rising numbers")
        return self

    @property
    def missing_share(self) -> float:
        """The largest share of rows that may lack a value: 0 none, 1 any."""
        return float(self.nullable)


class Contract(Strict):
    """A table: its columns, what is predicted, and which groups are watched."""

    version: Literal[1]
    table: str = "table"
    task: Task
    target: str
    positive: bool | int | str | None = None
    id: str | None = None
    group: str | None = None
    time: str | None = None
    slices: list[str] = []
    columns: Annotated[dict[str, Column], Field(min_length=2)]

    @model_validator(mode="after")
    def _names_are_columns(self):
        for key, names in (
            ("target", [self.target]),
            ("id", [self.id]),
            ("group", [self.group]),
            ("time", [self.time]),
            ("slices", self.slices),
        ):
            for name in names:
                if name is not None and name not in self.columns:
                    raise ValueError(f"`{key}` names '{name}', which is not one of `columns`")
        for name in self.slices:
            column = self.columns[name]
            if not (column.categories or column.bands or column.type == "boolean"):
                raise ValueError(f"`slices` names '{name}', which has neither `categories` nor `bands`")
        if self.id is None and self.group is None:
            raise ValueError("neither `id` nor `group` is named: a row's part of the split is a hash of one of them")
        for name, column in self.columns.items():
            if column.direction and name not in self.features:
                raise ValueError(f"`direction` is named at '{name}', which is no feature: take it out there")
        if not self.features:
            raise ValueError("no column is a feature; set `feature: true` on at least one")
        return self

    @model_validator(mode="after")
    def _target_fits_its_task(self):
        column = self.columns[self.target]
        if (self.task == "binary") != (self.positive is not None):
            raise ValueError(
                "`positive`, the value of `target` that is predicted, belongs to task binary, which needs it"
            )
        if self.task == "multiclass" and len(column.categories or []) < 3:
            raise ValueError(f"task multiclass needs `categories` of at least 3 classes at column '{self.target}'")
        if self.task == "regression" and column.type not in ("number", "integer"):
            raise ValueError(f"task regression needs column '{self.target}' to be number or integer, not {column.type}")
        return self

    @property
    def key(self) -> str:
        """The column by whose hash rows are split and resampled: the group where there is one, else the id."""
        return self.group or self.id or ""

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes of task multiclass, in the order of the score's columns; none for other tasks."""
        return tuple(self.columns[self.target].categories) if self.task == "multiclass" else ()

    @property
    def features(self) -> dict[str, Column]:
        """The model's inputs in order: what is no feature, protected, target, id, time, date or text is left out."""
        apart = {self.target, self.id, self.group, self.time}
        return {
            name: column
            for name, column in self.columns.items()
            if column.feature and not column.protected and name not in apart and column.type not in ("date", "text")
        }

    @property
    def protected(self) -> dict[str, Column]:
        """The columns by which nobody may be treated differently."""
        return {name: column for name, column in self.columns.items() if column.protected}


def read(root=".") -> Contract:
    """Return the contract of the tree at `root`; raises CannotRun with every fault, one a line."""
    return load(CONTRACT, Contract, root)


def targets(values, contract: Contract):
    """Return the target as the metrics take it, shape [rows]: 1 where it is the positive value, else 0 (int8); the place of
    its class, -1 for one that the contract does not name (intp); or the number (float64).
    """
    import pandas as pd

    if contract.task == "binary":
        return (values == contract.positive).to_numpy(dtype="int8")
    if contract.task == "multiclass":
        return pd.Categorical(values, categories=contract.classes).codes.astype("intp")
    return pd.to_numeric(values).to_numpy(dtype="float64", na_value=float("nan"))


def groups(frame, name: str, column: Column):
    """Return each row's group in one column as strings, shape [rows]: its category, or the band its number is in."""
    import pandas as pd

    if not column.bands:
        return frame[name].astype("object").where(frame[name].notna(), "missing").astype(str)
    edges = [-float("inf"), *column.bands, float("inf")]
    labels = [
        f"under {column.bands[0]:g}",
        *(f"{a:g}-{b:g}" for a, b in pairwise(column.bands)),
        f"{column.bands[-1]:g}+",
    ]
    cut = pd.cut(pd.to_numeric(frame[name]), edges, labels=labels, right=False)
    return cut.astype("object").where(cut.notna(), "missing").astype(str)
