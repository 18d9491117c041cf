"""The commands, links, files and settings that README, CONTRIBUTING and docs/ name, read out of their Markdown."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
TRANSCRIPT = "docs/rehearsal.md"  # what `make rehearse` has printed; its own test holds it
NAMES = ["README.md", "CONTRIBUTING.md", *sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("docs/*.md"))]
TITLE = "# Models in production by pull requests\n"  # a copy's README is its owner's, once it is another one
TEXTS = {name: (ROOT / name).read_text(encoding="utf-8") for name in NAMES if name != TRANSCRIPT}
PAGES = {name: text for name, text in TEXTS.items() if name != "README.md" or text.startswith(TITLE)}

SHELL = ("sh", "bash", "console")
PROGRAMS = (
    "argocd", "az", "bash", "cd", "cosign", "curl", "docker", "du", "export", "flux", "gcloud", "gh", "git", "kubectl",
    "make", "mlops", "podman", "sed", "skopeo", "time", "uv",
)  # fmt: skip
FENCE = re.compile(r"^```([\w-]*)\n(.*?)^```$", re.M | re.S)
SPAN = re.compile(r"`([^`\n]+)`")
ASSIGNED = re.compile(r"[A-Z][A-Z0-9_]*=\S*$")
HEREDOC = re.compile(r"<<-?\s*['\"]?(\w+)")
NEXT = re.compile(r"&&|\|\||[|;]")


@dataclass(frozen=True)
class Command:
    """A command as a page has it, without comment; `page` is its file."""

    page: str
    text: str


def commands(pages: dict[str, str]) -> list[Command]:
    """All commands of the pages in their order: those of shell blocks, and those that stand in a line of prose."""
    return [
        Command(name, text) for name, page in pages.items() for text in dict.fromkeys([*_shown(page), *spans(page)])
    ]


def blocks(page: str) -> list[tuple[str, str]]:
    """The fenced blocks of a page: (language, content)."""
    return FENCE.findall(page)


def is_shell(language: str, content: str) -> bool:
    """A block of shell by its language; where it has none by its first word."""
    first = next((line for line in content.splitlines() if line.strip() and not line.startswith("#")), "")
    return language in SHELL or (not language and starts(first))


def starts(text: str) -> bool:
    """Does a text begin as a command does, after variables that it sets: a program that is known, or one by its path?"""
    words = text.split()
    while words and ASSIGNED.match(words[0]):
        words.pop(0)
    return bool(words) and (words[0] in PROGRAMS or words[0].startswith(".venv/bin/"))


def lines(content: str) -> list[str]:
    """The commands of a shell block: continued and quoted lines joined, a heredoc with its text, comments dropped."""
    found, open_ = [], ""
    for line in content.splitlines():
        open_ = f"{open_}\n{line}" if open_ else uncommented(line)
        if _unfinished(open_):
            continue
        if open_.strip():
            found.append(re.sub(r" *\\\n\s*", " ", open_).strip().removeprefix("$ "))
        open_ = ""
    return found + ([open_] if open_ else [])


def uncommented(line: str) -> str:
    """A line up to a `#` that begins a comment: outside of quotes, after a blank."""
    quote = ""
    for place, letter in enumerate(line):
        if letter in "'\"":
            quote = "" if letter == quote else quote or letter
        elif letter == "#" and not quote and (not place or line[place - 1].isspace()):
            return line[:place].rstrip()
    return line.rstrip()


def _unfinished(text: str) -> bool:
    """Does a command go on in the next line?"""
    heredoc = HEREDOC.search(text)
    if heredoc:
        return f"\n{heredoc[1]}" not in text
    try:
        shlex.split(text)
    except ValueError:  # a quote that is open, or a last `\`
        return True
    return text.endswith("\\")


def _shown(page: str) -> list[str]:
    return [text for language, content in blocks(page) if is_shell(language, content) for text in lines(content)]


def prose(page: str) -> str:
    """A page without its blocks."""
    return FENCE.sub("", page)


def spans(page: str) -> list[str]:
    """The commands that stand in prose, between backticks: more than a word."""
    return [text for text in SPAN.findall(prose(page)) if " " in text and starts(text)]


def parts(text: str) -> list[list[str]]:
    """The words of each program that a command line runs, without the variables before it; none of a heredoc."""
    found = [_words(part) for part in NEXT.split(_hidden(HEREDOC.split(text)[0]))]
    return [words for words in found if words]


def _hidden(text: str) -> str:
    """A command line in which quoted texts have none of the shell's signs."""
    return re.sub(r"'[^']*'|\"[^\"]*\"", lambda found: NEXT.sub(" ", found[0]), text)


def _words(part: str) -> list[str]:
    words = shlex.split(part)
    while words and (ASSIGNED.match(words[0]) or words[0] == "time"):
        words.pop(0)
    return words
