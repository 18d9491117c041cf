r"""Hostile Markdown in; out comes Markdown that can be read and do nothing else.

Nothing is parsed to be judged. Each construct that acts (a tag, a mention, a reference, a link, an image, a directive)
needs certain neighbouring characters; an invisible character (U+200B) is put between them wherever they stand, code
and diagrams included, so no difference between GitHub's parser and ours opens a way through. Backslashes and
entities, which make such neighbours only after parsing, are broken too. What is let through is spelt out exactly:
four bare tags, a few fence languages, and links to this repository's own workflow runs.
"""

import re
import unicodedata
from dataclasses import dataclass, field

LIMIT = 60_000  # bytes; GitHub takes 65,536 characters, the rest is for the header
CUT = "*Cut here: the report is longer than a comment may be. The artifact `report` of the run holds all of it.*"
DEPTH = 8  # tags open at once
BREAK = "\u200b"
UNSEEN = {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"}  # control, bidi, zero width, private, surrogates, separators

BROKEN = [  # (what acts, where it is broken)
    (r"\\(?![|*_~`]|$)", "\\\\" + BREAK),  # escapes: \@name is a mention; these five characters make nothing below
    (r"&(?=[#A-Za-z])(?!(?:amp|lt|gt|nbsp);)", "&" + BREAK),  # entities: &#64;name is a mention
    (r"@", "@" + BREAK),  # mentions, teams, commits of others, addresses, shapes in diagrams
    (r"#(?=\d)", "#" + BREAK),  # #1, owner/name#1
    (r"(?i)(gh|ghsa)-(?=\w)", r"\1-" + BREAK),  # GH-1, advisories
    (r"!\[", "!" + BREAK + "["),  # images, CML's watermark among them
    (r"\]:", "]" + BREAK + ":"),  # link definitions and footnotes
    (r"(?i)(www)\.", r"\1" + BREAK + "."),  # links without a scheme
]
BROKEN = [(re.compile(acts), broken) for acts, broken in BROKEN]
TAG = re.compile(r"<(/?)(details|summary|sub|br)>|<(?=[A-Za-z/!?])")
PLAIN_FENCE = re.compile(r"```(mermaid|bash|console|diff|json|python|text|yaml)?[ \t]*$")
FENCE_INFO = re.compile(r"((?<!`)`{3,}+|(?<!~)~{3,}+)(?=[ \t]*[^ \t`~])")
FENCE = re.compile(r" {0,3}(?:(`{3,})[^`]*|(~{3,}).*)$")
# Inside a diagram: links and callbacks, directives, front matter.
DIAGRAM_ACTS = re.compile(r"(?i)(?:^|;)\s*(?:click|callback|links?)\b|\bhref\b|%%\{|^\s*---\s*$|\$link")


def sanitise(raw: bytes, own: str, limit: int = LIMIT) -> str:
    """The report as inert Markdown of at most `limit` bytes (and the line that says it is cut), all it opens closed.

    `own` is the address of this repository, https://github.com/owner/name.
    """
    page, lines, size, ends = _Page(_links(own)), [], 0, []
    for line in _seen(raw).split("\n"):
        clean = page.line(line)
        size += len(clean.encode()) + 1
        if size + len("\n".join(page.ends())) > limit:
            return "\n".join([*lines, *ends, "", CUT])
        lines.append(clean)
        ends = page.ends()
    return "\n".join([*lines, *ends])


def inert(text: str) -> str:
    """One line of text in which nothing acts: for names that a pull request chose, such as paths."""
    return _Page(_links(None)).line(" ".join(_seen(text.encode("utf-8", "replace")).split()))


def _seen(raw: bytes) -> str:
    text = re.sub(r"\r\n?", "\n", raw.decode("utf-8", "replace"))
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in UNSEEN)


def _links(own: str | None) -> re.Pattern:
    """What makes a link; the group is one of our own runs, up to a certain end (`/../` would lead elsewhere)."""
    run = rf"{re.escape(own or '')}/actions/runs/[0-9]{{1,20}}(?:/(?:job|artifacts)/[0-9]{{1,20}})?"
    allowed = rf"((?:\]\({run}\)|{run}\)?)[.,;:]?(?=[ \t]|$))" if own else r"(\b\B)"
    return re.compile(rf"{allowed}|\]\(|://")


def _apart(found: re.Match) -> str:
    return found[0][0] + BREAK + found[0][1:]


@dataclass
class _Page:
    """What is open at the line being read. Where this is wrong the text is only ever broken more, never less."""

    links: re.Pattern
    fence: str = ""
    diagram: bool = False
    tags: list[str] = field(default_factory=list)

    def line(self, line: str) -> str:
        for acts, broken in BROKEN:
            line = acts.sub(broken, line)
        line = self.links.sub(lambda found: found[0] if found[1] else _apart(found), line)
        line = TAG.sub(_apart if self.fence else self._tag, line)
        if not PLAIN_FENCE.match(line):
            line = FENCE_INFO.sub(r"\1" + BREAK, line)
        if self.diagram:
            line = "" if DIAGRAM_ACTS.search(line) else line.replace("//", f"/{BREAK}/")
        self._fences(line)
        return line

    def ends(self) -> list[str]:
        """The lines that close what is open."""
        closing = ["", "".join(f"</{tag}>" for tag in reversed(self.tags))] if self.tags else []
        return [self.fence, *closing] if self.fence else closing

    def _tag(self, found: re.Match) -> str:
        closing, name = found[1], found[2]
        if name and closing and self.tags[-1:] == [name]:
            self.tags.pop()
        elif name and not closing and name != "br" and len(self.tags) < DEPTH:
            self.tags.append(name)
        elif found[0] != "<br>":
            return _apart(found)
        return found[0]

    def _fences(self, line: str) -> None:
        # A diagram starts only at this exact line, wherever we believe to be, and ends at the first line of backticks.
        if PLAIN_FENCE.match(line) and line.startswith("```mermaid"):
            self.diagram = True
        elif re.match(r" {0,3}`{3,}[ \t]*$", line):
            self.diagram = False
        if self.fence:
            self.fence = "" if re.match(rf" {{0,3}}{self.fence}{self.fence[0]}*[ \t]*$", line) else self.fence
        elif opened := FENCE.match(line):
            self.fence = opened[1] or opened[2]
