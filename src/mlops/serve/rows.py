"""What a request may hold: one msgspec type a column, made from the contract. The same types decode a request, say why it is
refused, and are the OpenAPI document, so that none of the three can drift from the others.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

import msgspec
from msgspec import Meta
from msgspec.structs import astuple

from mlops.contract import EXACT, Column, Contract

LARGEST = 3.4028234663852886e38  # what float32 holds: numpy.finfo("float32").max
BROKEN = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)  # what decoding a body may raise
NO_NUL = r"^[^\x00]*$"  # which PostgreSQL cannot hold
TEXT = 1000  # characters of a text
LONGEST = 20_000  # characters of a text that the model does not read
# What the model does not read is kept for the log as it was given, if it is one plain value that every log can hold.
WHOLE = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
ANYTHING = WHOLE | float | bool | Annotated[str, Meta(max_length=LONGEST, pattern=NO_NUL)] | None


@dataclass(frozen=True)
class Rows:
    """The types of one model's requests.

    Attributes: columns (every column of the contract but the target, in its order), inputs (those that the model reads, in
    the order of its matrix), types {column: type}, strict {column: type} of the columns whose breaches only warn, optional
    (columns that may be absent), row (a struct, one field a column), lists (the same, a list a column), batch (a list of
    rows, or lists). Field `c3` of a struct is column 3; on the wire it has the column's name.
    """

    columns: tuple[str, ...]
    inputs: tuple[str, ...]
    types: dict[str, object]
    strict: dict[str, object]
    optional: frozenset[str]
    row: type
    lists: type
    batch: object

    def field(self, name: str) -> str:
        """Return the attribute of a struct that holds column `name`."""
        return f"c{self.columns.index(name)}"

    def values(self, held) -> tuple:
        """Return the values of each column of a decoded batch, in the order of `columns`; None of one that was not given."""
        if not isinstance(held, list):
            return astuple(held)
        return tuple(zip(*map(astuple, held), strict=True)) if held else ((),) * len(self.columns)


def rows(table: Contract, inputs: list[dict], max_rows: int) -> Rows:
    """Return the request types of `table` for a model that reads `inputs` (see encoding.spec)."""
    read = {column["name"] for column in inputs}
    of = {name: column for name, column in table.columns.items() if name != table.target}
    only_warn = {name for name, column in of.items() if column.severity == "warning" or name not in read}
    types = {name: _type(column, name in only_warn) if name in read else ANYTHING for name, column in of.items()}
    optional = frozenset(name for name, column in of.items() if name in only_warn or column.missing_share)
    many = {name: Annotated[list[kind], Meta(max_length=max_rows)] for name, kind in types.items()}
    row, lists = _struct("Row", types, optional), _struct("Columns", many, frozenset(of) - read)
    return Rows(
        columns=tuple(of),
        inputs=tuple(column["name"] for column in inputs),
        types=types,
        strict={name: _type(of[name], loose=False) for name in of if name in only_warn},
        optional=optional,
        row=row,
        lists=lists,
        batch=Annotated[list[row], Meta(max_length=max_rows)] | lists,
    )


def _struct(name: str, types: dict, optional: frozenset[str]) -> type:
    """Return a struct with a field a column; `gc=False` as a request holds no cycle."""
    fields = [
        (f"c{place}", kind | None, None) if column in optional else (f"c{place}", kind)
        for place, (column, kind) in enumerate(types.items())
    ]
    names = {f"c{place}": column for place, column in enumerate(types)}
    return msgspec.defstruct(
        name, fields, rename=names, forbid_unknown_fields=True, omit_defaults=True, gc=False, kw_only=True
    )


def _type(column: Column, loose: bool):
    """Return the type of a column's values; loose: of its kind, whatever its range and categories."""
    share = column.missing_share or loose
    kind = _plain(column, loose)
    return kind | None if share else kind


def _plain(column: Column, loose: bool):
    about = {"description": column.description} if column.description else {}
    if column.type == "boolean":
        return Annotated[bool, Meta(**about)]
    if column.type in ("number", "integer"):
        end = LARGEST if column.type == "number" else float(EXACT)
        low, high = (None, None) if loose else (column.min, column.max)
        whole = {"multiple_of": 1} if column.type == "integer" else {}  # 36.0 is a whole number too
        return Annotated[
            float, Meta(ge=-end if low is None else low, le=end if high is None else high, **whole, **about)
        ]
    if column.type == "category" and not (loose or column.open):
        return Annotated[Literal[tuple(column.categories)], Meta(**about)]
    return Annotated[str, Meta(max_length=TEXT, pattern=NO_NUL, **about)]
