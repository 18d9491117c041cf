"""Rules over the repository itself: what keeps the two rooms apart and every file where a reader looks for it."""

import ast
import json
import re
from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel

from copies import SAMPLE
from mlops.cli import VERBS
from mlops.params import Params

ROOT = Path(__file__).parents[1]
MODULES = sorted((ROOT / "src/mlops").rglob("*.py"))
WORDS = {  # that are the sample's column and something else too
    ("src/mlops/adopt/target.py", "default"),  # a value that means yes in many a table
    ("src/mlops/delivery/policy.py", "default"),  # Kubernetes' namespace
}
HOOKS = ("source", "features", "estimator", "metrics")


def parsed(path: Path) -> ast.Module:
    """A module's syntax tree."""
    return ast.parse(path.read_text(encoding="utf-8"))


def read(name: str) -> str:
    """A file of the repository."""
    return (ROOT / name).read_text(encoding="utf-8")


def test_the_ruleset_requires_the_job_verdict_and_nothing_else():
    """One check collects all others, its name is that of a job in pull-request.yml, and GitHub Actions alone may report it."""
    (rule,) = [
        rule for rule in json.loads(read(".github/ruleset.json"))["rules"] if rule["type"] == "required_status_checks"
    ]
    assert [{"context": "verdict", "integration_id": 15368}] == rule["parameters"]["required_status_checks"]
    jobs = yaml.safe_load(read(".github/workflows/pull-request.yml"))["jobs"]
    assert "verdict" == jobs["verdict"].get("name", "verdict")


def test_the_ruleset_asks_for_branches_up_to_date():
    """So that main's tree is the tree that was judged."""
    rules = {rule["type"]: rule.get("parameters", {}) for rule in json.loads(read(".github/ruleset.json"))["rules"]}
    assert rules["required_status_checks"]["strict_required_status_checks_policy"]
    assert rules["pull_request"]["require_code_owner_review"]


def test_every_module_has_a_test_of_its_name():
    """src/mlops/gates/slices.py is tested in tests/gates/test_slices.py."""
    inside = [path.relative_to(ROOT / "src/mlops") for path in MODULES if not path.stem.startswith("__")]
    assert [] == [str(path) for path in inside if not (ROOT / "tests" / path.parent / f"test_{path.name}").exists()]


def test_every_module_says_what_it_is():
    """Its first words are a docstring; an empty __init__.py says nothing."""
    assert [] == [str(path) for path in MODULES if path.stat().st_size and not ast.get_docstring(parsed(path))]


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_a_module_that_runs(verb):
    """`run(args)`, where the command line looks for it."""
    tree = parsed(ROOT / "src" / f"{VERBS[verb][0].replace('.', '/')}.py")
    (run,) = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "run"]
    assert ["args"] == [argument.arg for argument in run.args.args]


def test_every_stage_is_a_verb():
    """Each command of dvc.yaml is one that a person can type."""
    commands = [stage["cmd"] for stage in yaml.safe_load(read("tests/sample/dvc.yaml"))["stages"].values()]
    assert [] == [command for command in commands if command.removeprefix("mlops ") not in VERBS]


def test_the_owners_room_never_imports_the_templates():
    """So that the template can be merged from upstream without a conflict in it."""
    imported = {
        (path.name, name)
        for path in (SAMPLE / "src/model").rglob("*.py")
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names])
    }
    assert set() == {(file, name) for file, name in imported if name.split(".")[0] == "mlops"}
    assert {f"{hook}.py" for hook in HOOKS} <= {file for file, _ in imported}


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_is_short_enough_to_be_rewritten(hook):
    """At most 30 lines of code: the owner puts an own one in its place."""
    tree = parsed(SAMPLE / f"src/model/{hook}.py")
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    assert sum(node.end_lineno - node.lineno + 1 for node in functions) <= 30


def test_no_column_is_named_outside_the_contract():
    """The template knows columns only from data/contract.yaml: another table needs no change of code."""
    columns = set(yaml.safe_load(read("tests/sample/data/contract.yaml"))["columns"])
    named = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.value}"
        for path in MODULES
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in columns
        if (str(path.relative_to(ROOT)), node.value) not in WORDS
    ]
    assert [] == named


def test_the_readme_is_read_in_three_minutes():
    """At most 600 words beside the code, and the first command on the first screen."""
    text = read("README.md")
    prose = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
    assert len(prose.split()) <= 600
    assert text.splitlines().index("```") < 15


def section(text: str, name: str) -> list[str]:
    """The lines below the key `name` of params.yaml."""
    after = text.split(f"\n{name}:\n", 1)[1].splitlines()
    return after[: next((number for number, line in enumerate(after) if re.match(r"\w", line)), len(after))]


def told(lines: list[str], key: str) -> str:
    """The comment above `key`, or above the group of keys in which it stands."""
    place = next((number for number, line in enumerate(lines) if re.match(rf"  (# )?{key}:", line)), None)
    if place is None:
        return "not there"
    while place and not re.match(r"  # [A-Z]", lines[place]):
        place -= 1
    first = place
    while first and lines[first - 1].startswith("  # "):
        first -= 1
    return " ".join(lines[first : place + 1])


@pytest.mark.parametrize("name", Params.model_fields)
def test_every_knob_says_whether_it_is_required(name):
    """A comment above it, or above its group, says REQUIRED or OPTIONAL, and agrees with the code."""
    kind, lines = Params.model_fields[name].annotation, section("\n" + read("tests/sample/params.yaml"), name)
    assert issubclass(kind, BaseModel)
    wanted = {key: "REQUIRED" if field.is_required() else "OPTIONAL" for key, field in kind.model_fields.items()}
    assert {} == {key: word for key, word in wanted.items() if word not in told(lines, key)}
