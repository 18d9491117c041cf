"""Typed YAML files: unknown keys are refused, and the error says the fix."""

from difflib import get_close_matches
from itertools import groupby
from pathlib import Path
from typing import TypeVar, get_origin

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from mlops.errors import CannotRun


class Strict(BaseModel):
    """A section of a YAML file; a key that is not a field is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


Section = TypeVar("Section", bound=Strict)


def parse(text: str, kind: type[Section], name: str) -> Section:
    """Return the YAML `text` of file `name` as a `kind`; raises CannotRun naming key, value and fix, one a line."""
    try:
        values = yaml.load(text, Loader=_Unique)  # noqa: S506 - _Unique is a SafeLoader
    except yaml.YAMLError as error:
        if "\n<<<<<<< " in f"\n{text}":
            raise CannotRun(f"{name} has conflict markers: take what you want of both sides, and delete them") from None
        said = " ".join(str(error).split()).replace('"<unicode string>"', name)
        raise CannotRun(f"{name} is not valid YAML: {said}") from None
    if not isinstance(values, dict):
        raise CannotRun(f"{name} must hold keys and values, it holds {type(values).__name__}")
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        faults = groupby(error.errors(), lambda item: _place(values, item["loc"]))  # one for each type that was tried
        raise CannotRun("\n".join(_sentence(name, kind, place, list(items)) for place, items in faults)) from None


class _Unique(yaml.SafeLoader):
    """YAML in which a key stands once: of two, plain YAML silently takes the last."""

    def construct_mapping(self, node, deep=False):
        seen = set()
        for key, _ in node.value:
            if not isinstance(key.value, str):  # the plain loader says so in a sentence
                continue
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"key '{key.value}' stands twice", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def load(path, kind: type[Section], root=".") -> Section:
    """Return the file `path` below `root` as a `kind`."""
    try:
        return parse((Path(root) / path).read_text(encoding="utf-8"), kind, str(path))
    except FileNotFoundError:
        raise CannotRun(f"{path} is not there: restore it with `git checkout origin/main -- {path}`") from None
    except OSError as error:
        raise CannotRun(f"{path} cannot be read ({error.strerror}): it should be a file") from None


def _place(values, path) -> str:
    """The keys in the file; pydantic also names the types that it tried."""
    keys = []
    for part in path:
        if isinstance(values, dict) or isinstance(part, int):
            keys.append(str(part))
            values = values.get(part) if isinstance(values, dict) else values[part]
    return ".".join(keys)


def _sentence(name, kind, place, items) -> str:
    item = items[0]
    if item["type"] == "extra_forbidden":
        known = _fields(kind, item["loc"][:-1])
        near = get_close_matches(str(item["loc"][-1]), known, 1, 0.5)
        return f"{name}: unknown key '{place}'; " + (
            f"did you mean '{near[0]}'?" if near else f"known here: {', '.join(known)}"
        )
    if item["type"] == "missing":
        return f"{name}: '{place}' is missing; it is required"
    found = "" if isinstance(item["input"], dict) else f" is {_short(item['input'])}"
    messages = [each["msg"].removeprefix("Value error, ").removeprefix("Input should be ") for each in items]
    should = "it should be " if item["msg"].startswith("Input should be ") else ""
    return f"{name}: " + (f"'{place}'{found}: " if place else "") + should + " or ".join(messages)


def _fields(kind, path) -> list[str]:
    """Follow `path` through nested sections (and dicts and lists of sections) to the names allowed there."""
    inside = False  # of a dict or list, whose keys are names of the user's
    for part in path:
        if not inside:
            annotation = kind.model_fields[part].annotation
            kind = _section(annotation)
        inside = not inside and get_origin(annotation) in (dict, list)
    return list(kind.model_fields)


def _section(annotation):
    for inner in (annotation, *getattr(annotation, "__args__", ())):
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            return inner
    return annotation


def _short(value) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
