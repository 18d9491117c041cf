"""One value of a YAML file, changed as text: comments, order, quotes and the layout of everything else stay."""

import re
from contextlib import suppress

import yaml

from mlops.errors import CannotRun
from mlops.paths import PARAMS

LINE_END = re.compile(r"\r?\n|\Z")


def edited(text: str, path: list, value, file: str = PARAMS) -> str:
    """Return the text of `file` with the value at `path` (keys, list positions) set; a missing key is added.

    Raises CannotRun where anything else would change (an anchor used twice), or the path goes through what is no mapping.
    """
    # a text first as the old one is quoted; a list whose dashes stand below its key needs a step to the right
    for plain, step in ((isinstance(value, str), ""), (False, ""), (False, "  ")):
        with suppress(yaml.YAMLError, AttributeError, LookupError, TypeError, ValueError):
            result = _spliced(text, path, value, plain, step)
            if yaml.safe_load(result) == _with(yaml.safe_load(text), path, value):
                return result
    raise CannotRun(f"{file}: {'.'.join(map(str, path))} cannot be edited as text: set it to {_inline(value)} by hand")


def as_dvc_writes(text: str) -> str:
    """Return YAML laid out as DVC's own writer lays it out, comments kept."""
    from dvc.utils.serialize import dumps_yaml, parse_yaml_for_update

    return dumps_yaml(parse_yaml_for_update(text, PARAMS))


def _spliced(text: str, path: list, value, plain: bool, step: str) -> str:
    node, left = yaml.compose(text, yaml.SafeLoader), list(path)
    while left and left[0] in _children(node):
        node = _children(node)[left.pop(0)]
    if not left:
        written = step + (f"{node.style or ''}{value}{node.style or ''}" if plain else _inline(value))
        return text[: node.start_mark.index] + written + text[_end(node) :]
    entry = _inline(_with({}, left, value))[1:-1]
    end = max(map(_end, _children(node).values()), default=node.end_mark.index - 1)
    if node.flow_style:
        return f"{text[:end]}{', ' * bool(node.value)}{entry}{text[end:]}"
    line_end = LINE_END.search(text, end)  # after the last line's comment
    lead = (line_end[0] or LINE_END.search(text)[0] or "\n") + " " * node.value[0][0].start_mark.column
    return f"{text[: line_end.start()]}{lead}{entry}{text[line_end.start() :]}"


def _children(node) -> dict:
    return dict(enumerate(node.value) if isinstance(node, yaml.SequenceNode) else ((k.value, v) for k, v in node.value))


def _end(node) -> int:  # the mark of a block is after the comments that follow it
    return node.end_mark.index if getattr(node, "flow_style", True) else max(map(_end, _children(node).values()))


def _with(values, path: list, value):
    copy, inner = values.copy(), dict(enumerate(values)) if isinstance(values, list) else values
    copy[path[0]] = _with(inner.get(path[0], {}), path[1:], value) if path[1:] else value
    return copy


def _inline(value) -> str:
    return yaml.safe_dump([value], default_flow_style=True, width=9**9, allow_unicode=True, sort_keys=False)[1:-2]
