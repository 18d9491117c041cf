"""Stage `fingerprint`: what the code of each stage and the contract say, so that a comment retrains nothing and a fix does.

Run: mlops fingerprint. Writes reports/fingerprint.json, {stage or "contract": sha256}. A stage's covers every module of this
repository that it imports, without comments, docstrings and blank lines, and the locked versions of the libraries that those
modules import. The contract's covers its values.
"""

import ast
import io
import json
import re
import tokenize
from pathlib import Path

import yaml

from mlops import contract
from mlops.errors import CannotRun
from mlops.files import sha256, write_json
from mlops.paths import CONTRACT, FINGERPRINT
from mlops.pins import PINS

STAGES = ("ingest", "validate", "prepare", "train", "evaluate", "behaviour", "deepchecks")
TESTS = "tests/model"
DISTRIBUTIONS = {"sklearn": "scikit-learn", "yaml": "pyyaml"}  # where the import has another name
DOCUMENTED = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
STRINGS = {
    tokenize.STRING,
    getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING),
}  # from Python 3.12 on f-strings come in pieces


def run(args) -> None:
    """Write the fingerprints; raises CannotRun where the contract is wrong, or a module is no Python."""
    contract.read()
    write_json(FINGERPRINT, fingerprints("."))


def fingerprints(root) -> dict[str, str]:
    """Return {stage or "contract": sha256} of the tree at `root`."""
    root = Path(root)
    versions = _locked(root / "uv.lock")
    values = yaml.safe_load((root / CONTRACT).read_text(encoding="utf-8"))
    stages = {stage: _fingerprint(root, stage, versions) for stage in STAGES}
    return {"contract": sha256(json.dumps(values, default=str).encode()), **stages}


def essence(source: str) -> str:
    """Return Python source without comments, docstrings and blank lines; raises SyntaxError.

    By text and not by syntax tree: the tree's dump differs between Python versions, this does not.
    """
    tree, lines = ast.parse(source), source.split("\n")
    strings: set[int] = set()  # rows that end inside a string, where a blank is no layout
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        row, column = token.start
        if token.type == tokenize.COMMENT:
            lines[row - 1] = lines[row - 1][:column]
        elif token.type in STRINGS:
            strings.update(range(row, token.end[0]))
    for node in ast.walk(tree):
        if isinstance(node, DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
            text, rows = node.body[0], slice(node.body[0].lineno - 1, node.body[0].end_lineno)
            # the tree counts bytes; beside a docstring there may be code
            before = (
                lines[rows.start].encode()[: text.col_offset] + lines[rows.stop - 1].encode()[text.end_col_offset :]
            )
            lines[rows] = [before.decode(), *[""] * (rows.stop - rows.start - 1)]
            strings -= set(range(text.lineno, text.end_lineno))
    kept = [line if row in strings else line.rstrip() for row, line in enumerate(lines, 1)]
    return "\n".join(line for row, line in enumerate(kept, 1) if line or row in strings)


def _fingerprint(root: Path, stage: str, versions: dict[str, str]) -> str:
    seen: dict[str, str] = {}
    libraries: set[str] = set()
    waiting = [root / f"src/mlops/pipeline/{stage}.py"]
    if stage == "behaviour":
        waiting += [root / "src/mlops/pipeline/builtin.py"]
        waiting += sorted((root / TESTS).rglob("*.py"))
    while waiting:
        path = waiting.pop()
        name = path.relative_to(root).as_posix()
        if name in seen or not path.is_file():
            continue
        source = path.read_text(encoding="utf-8")
        try:
            seen[name] = essence(source)
        except SyntaxError as error:
            raise CannotRun(f"{name} is not valid Python: correct line {error.lineno} ({error.msg})") from None
        for parts in _imports(source, Path(name).parts[1:-1]):
            libraries.add(parts[0])
            for end in range(len(parts)):
                module = root / "src" / Path(*parts[: end + 1])
                waiting += [module.with_suffix(".py"), module / "__init__.py"]
    parts = [str(PINS)] + [f"{name}\n{seen[name]}" for name in sorted(seen) if seen[name]]
    wanted = {DISTRIBUTIONS.get(name, name.replace("_", "-")) for name in libraries}
    parts += [f"{name}=={versions[name]}" for name in sorted(wanted & versions.keys())]
    return sha256("\n".join(parts).encode())


def _imports(source: str, package: tuple[str, ...]) -> set[tuple[str, ...]]:
    """Return the parts of each dotted name that a module of `package` imports."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {tuple(alias.name.split(".")) for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) + 1 - node.level] if node.level else ()
            base = (*above, *(node.module.split(".") if node.module else ()))
            names |= {(*base, alias.name) for alias in node.names}
    return names


def _locked(path: Path) -> dict[str, str]:
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    versions: dict[str, set] = {}
    # the project's own version, marked editable, says nothing that its source does not
    pattern = r'^name = "([^"]+)"\nversion = "([^"]+)"\n(?!source = { editable)'
    for name, version in re.findall(pattern, text, re.M):
        versions.setdefault(name, set()).add(version)
    return {name: " ".join(sorted(found)) for name, found in versions.items()}
