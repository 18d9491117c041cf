"""What a page names beside commands: links, files, variables; and whether they are there."""

import ast
import re
from functools import cache
from pathlib import Path

from docs.extract import ROOT, SPAN, lines, prose
from docs.extract import blocks as fenced
from mlops import paths
from mlops.serve.settings import Settings

LINK = re.compile(r"\]\(([^)\s]+)\)")
FOLDERS = ("src", "tests", "docs", "data", "manifests", "benchmarks", ".github", ".ci")
ENDINGS = ("yml", "yaml", "md", "py", "toml", "lock", "json", "env")
FILE = re.compile(rf"(?:(?:{'|'.join(map(re.escape, FOLDERS))})/[\w./*-]*|[\w.-]+\.(?:{'|'.join(ENDINGS)}))")
NAME = re.compile(r"(?<![\w.$-])([A-Z][A-Z0-9]+(?:_[A-Z0-9]+)+|[A-Z][A-Z0-9_]+(?==))")
MADE = {  # by people, or by another program, where a page says so
    ".github/cml.sha256", ".github/actionlint.yaml", "credential.json", "data/table.parquet", "row.json", "upstream/main",
}  # fmt: skip


@cache
def tree(file: str) -> ast.Module:
    """A Python file's syntax tree."""
    return ast.parse((ROOT / file).read_text(encoding="utf-8"))


def functions(file: str) -> set[str]:
    """The names of a file's functions."""
    return {node.name for node in ast.walk(tree(file)) if isinstance(node, ast.FunctionDef)}


def slug(heading: str) -> str:
    """A heading as GitHub makes an address of it."""
    return re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower()).replace(" ", "-")


@cache
def headings(path: Path) -> set[str]:
    """The addresses of a page's headings."""
    return {slug(each) for each in re.findall(r"^#+ (.*)$", prose(path.read_text(encoding="utf-8")), re.M)}


def broken(page: str, text: str) -> list[str]:
    """The links of a page that lead to no file, or no heading, of this repository."""
    found = [link for link in LINK.findall(text) if not link.startswith(("http://", "https://"))]
    return [link for link in found if not _leads(page, text, link)]


def _leads(page: str, text: str, link: str) -> bool:
    name, _, anchor = link.partition("#")
    path = ((ROOT / page).parent / name).resolve() if name else ROOT / page
    if not name and not path.exists():  # a text that is no page
        return anchor in {slug(each) for each in re.findall(r"^#+ (.*)$", text, re.M)}
    return path.exists() and (not anchor or anchor in headings(path))


def lost() -> list[str]:
    """Pages, and headings of them, that files of the template name and that are not there."""
    files = [path for folder in ("src/mlops", ".github", "manifests") for path in (ROOT / folder).rglob("*.*")]
    texts = {
        path: path.read_text(encoding="utf-8") for path in files if path.suffix in (".py", ".yml", ".yaml", ".env")
    }
    named = {found for text in texts.values() for found in re.findall(r"\bdocs/[\w-]+\.md(?:#[\w-]+)?", text)}
    return sorted(each for each in named if not _leads("README.md", "", each))


def absent(text: str) -> list[str]:
    """The files that a page names between backticks and that neither are here nor are written by the template."""
    found = [span for span in SPAN.findall(prose(text)) if FILE.fullmatch(span)]
    return [span for span in dict.fromkeys(found) if not _there(span)]


@cache
def _there(span: str) -> bool:
    written = {value for name, value in vars(paths).items() if name.isupper() and isinstance(value, str)}
    names = {*written, *(Path(value).name for value in written), *MADE}
    folders = (".", "tests/sample", ".github/workflows", ".github", "src/model", "tests/rollout")
    return span in names or any([*(ROOT / folder).glob(span.rstrip("/"))] for folder in folders)


def variables(text: str) -> list[str]:
    """The variables that a page names between backticks, or sets in a command: words of capitals."""
    commands = [line for _, content in fenced(text) for line in lines(content) if line]
    return list(dict.fromkeys(name for span in [*SPAN.findall(prose(text)), *commands] for name in NAME.findall(span)))


@cache
def known_variables() -> set[str]:
    """All words of capitals in what reads variables: the code, the Makefile, compose.yaml and the workflows; the service's settings."""
    files = [
        ROOT / "Makefile",
        ROOT / "compose.yaml",
        *(ROOT / "src").rglob("*.py"),
        *(ROOT / ".github").rglob("*.yml"),
    ]
    words = {word for path in files for word in re.findall(r"\b[A-Z][A-Z0-9_]+\b", path.read_text(encoding="utf-8"))}
    return words | {name.upper() for name in Settings.model_fields}
