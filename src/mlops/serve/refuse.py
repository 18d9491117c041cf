"""Why a body is refused: every fault, with its field, rule and given value. Slow, and only where decoding failed."""

import json
import re
from collections.abc import Iterator
from difflib import get_close_matches
from itertools import islice

import msgspec

from mlops.serve.rows import BROKEN, LARGEST, Rows

SHOWN = 40  # characters of a given value
FAULTS = 20  # that one answer lists
LISTED = 12  # categories that a fault names
RULES = ("missing", "unknown", "type", "range", "category", "text", "length", "body")


class Fault(msgspec.Struct, omit_defaults=True):
    """One rule that a request breaks."""

    field: str
    rule: str
    message: str
    given: str = ""
    row: int | None = None


# Where no fault is found in what was not decoded: of such a name the types see both values, the search the last.
TWICE = Fault("", "body", "a name is given twice")


class Refused(Exception):
    """A request that is not answered with a score: an HTTP status and its faults."""

    def __init__(self, status: int, faults: list[Fault]):
        self.status, self.faults = status, faults


def malformed(message: str, status: int = 400) -> Refused:
    """Return a refusal of the whole body."""
    return Refused(status, [Fault("", "body", message)])


def row(body: bytes, rows: Rows) -> Refused:
    """Return why `body` is no row."""
    return _named(body, rows, lambda parts: _of_row(parts, rows))


def batch(body: bytes, rows: Rows, max_rows: int) -> Refused:
    """Return why `body` is no batch."""
    try:
        parts = msgspec.json.decode(body, type=list[msgspec.Raw])
    except msgspec.ValidationError:
        return _named(
            body, rows, lambda named: _of_columns(named, rows, max_rows), "an array of rows, or an object of columns"
        )
    except BROKEN as error:
        return malformed(_said(error, body))
    if len(parts) > max_rows:
        return malformed(f"{len(parts):,} rows, the limit is {max_rows:,}: send several requests", 413)
    return Refused(422, [*islice(_of_rows(parts, rows), FAULTS)])


def lengths(sizes: dict[str, int]) -> Refused | None:
    """Return why lists of these lengths are no table; None where they are one."""
    first = next(iter(sizes.values()))
    found = [
        Fault(name, "length", f"has {size:,} values, the first column has {first:,}")
        for name, size in sizes.items()
        if size != first
    ]
    return Refused(422, found[:FAULTS]) if found else None


def _named(body: bytes, rows: Rows, faults, expected: str = "an object with a value a column") -> Refused:
    try:
        body.decode()  # what is no UTF-8 at all is said first
        parts = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    except msgspec.ValidationError:
        return Refused(422, [Fault("", "type", f"the body must be {expected}", _short(body))])
    except BROKEN as error:
        return malformed(_said(error, body))
    found = [*islice(faults(parts), FAULTS)]
    too_many = [fault for fault in found if fault.rule == "body"]
    return Refused(413, too_many[:1]) if too_many else Refused(422, found)


def _said(error: Exception, body: bytes) -> str:
    if isinstance(error, RecursionError):
        return "the body is nested too deep: a row holds plain values"
    if not body.strip():
        return "the body is empty"
    hint = "; null means missing" if re.search(rb"\b(NaN|Infinity|None)\b", body) else ""
    return f"the body is not JSON in UTF-8: {' '.join(str(error).split())[:120]}{hint}"


def _of_rows(parts: list, rows: Rows) -> Iterator[Fault]:
    for place, part in enumerate(parts):
        try:
            msgspec.json.decode(part, type=rows.row)
        except BROKEN:
            for fault in row(bytes(part), rows).faults:
                fault.row = place
                yield fault


def _of_row(parts: dict, rows: Rows) -> Iterator[Fault]:
    yield from _strangers(parts, rows)
    for name, kind in rows.types.items():
        if name in parts:
            yield from _broken(name, parts[name], kind)
        elif name not in rows.optional:
            yield Fault(name, "missing", "is required")


def _of_columns(parts: dict, rows: Rows, max_rows: int) -> Iterator[Fault]:
    yield from _strangers(parts, rows)
    for name, kind in rows.types.items():
        if name not in parts:
            if name in rows.inputs:
                yield Fault(name, "missing", "is required: a list with a value a row")
            continue
        try:
            values = msgspec.json.decode(parts[name], type=list[msgspec.Raw])
        except BROKEN:
            if name in rows.inputs or bytes(parts[name]) != b"null":
                yield Fault(name, "type", "must be a list with a value a row", _short(bytes(parts[name])))
            continue
        if len(values) > max_rows:
            yield Fault(name, "body", f"{len(values):,} rows, the limit is {max_rows:,}: send several requests")
            continue
        for place, value in enumerate(values):
            for fault in _broken(name, value, kind):
                fault.row = place
                yield fault


def _strangers(parts: dict, rows: Rows) -> Iterator[Fault]:
    for name in parts:
        if name not in rows.types:
            near = get_close_matches(name, rows.columns, 1, 0.6) if len(name) <= SHOWN else None
            hint = f"; did you mean '{near[0]}'?" if near else ""
            yield Fault(name[:SHOWN], "unknown", f"is no column of the contract{hint}")


def _broken(name: str, value: msgspec.Raw, kind) -> Iterator[Fault]:
    try:
        msgspec.json.decode(value, type=kind)
    except BROKEN:
        yield Fault(name, rule(value, kind), f"must be {wanted(kind)}", _short(bytes(value)))


def rule(value: bytes, kind) -> str:
    """Return which rule of a type a JSON value breaks: of its kind, but out of range or no category; else of another kind."""
    text = bytes(value).lstrip()[:1]
    schema = msgspec.json.schema(kind)
    options = schema.get("anyOf", [schema])
    kinds = {option.get("type", "enum") for option in options}
    if text == b'"' and "enum" in kinds:
        return "category"
    if text == b'"' and "string" in kinds:
        return "text" if b"\\u0000" in bytes(value) else "length"
    if text in b"-0123456789" and kinds & {"number", "integer"}:
        return "range"
    return "missing" if text == b"n" else "type"


def wanted(kind) -> str:
    """Return in words what a type allows."""
    schema = msgspec.json.schema(kind)
    return " or ".join(dict.fromkeys(_words(option) for option in schema.get("anyOf", [schema])))


def _words(schema: dict) -> str:
    if "enum" in schema:
        names = [json.dumps(each, ensure_ascii=False) for each in schema["enum"]]
        more = f" or {len(names) - LISTED} others" if len(names) > LISTED else ""
        return f"one of {', '.join(names[:LISTED])}{more}"
    if schema["type"] == "string":
        return f"a text of at most {schema['maxLength']:,} characters without NUL"
    if schema["type"] not in ("number", "integer"):
        return {"boolean": "true or false"}.get(schema["type"], schema["type"])
    whole = "a whole number" if "multipleOf" in schema or schema["type"] == "integer" else "a number"
    ends = (("from", schema.get("minimum", -LARGEST)), ("to", schema.get("maximum", LARGEST)))
    return " ".join([whole, *(f"{word} {end:,.15g}" for word, end in ends if abs(end) < LARGEST)])


def _short(value: bytes) -> str:
    text = value[: 4 * SHOWN].decode(errors="replace").strip()
    return text if len(text) <= SHOWN else text[: SHOWN - 3] + "..."
