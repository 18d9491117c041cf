"""What a person reads when something could not be done is one sentence."""

import ast
from pathlib import Path

import pytest

from mlops.errors import CannotRun

ROOT = Path(__file__).parents[1]
RAISED = [
    (path.relative_to(ROOT).as_posix(), node)
    for path in sorted((ROOT / "src/mlops").rglob("*.py"))
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and ast.unparse(node.exc.func) == "CannotRun"
]


def test_the_message_is_the_sentence():
    """As it was raised: the command line shows it as it is."""
    with pytest.raises(CannotRun, match=r"^a\.yaml is not there: make it$"):
        raise CannotRun("a.yaml is not there: make it")


def test_every_refusal_says_something():
    """One argument, the sentence; there are many of them in the template."""
    assert len(RAISED) > 50
    assert [] == [f"{file}:{node.lineno}" for file, node in RAISED if len(node.exc.args) != 1 or node.exc.keywords]


def test_no_refusal_has_a_line_break():
    """A log shows one line; only a file with several faults has one for each (mlops.config joins them)."""
    broken = [
        f"{file}:{node.lineno}"
        for file, node in RAISED
        if not ast.unparse(node.exc.args[0]).startswith("'\\n'.join")
        for part in ast.walk(node.exc.args[0])
        if isinstance(part, ast.Constant) and "\n" in str(part.value)
    ]
    assert [] == broken
