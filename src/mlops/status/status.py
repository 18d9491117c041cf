"""Verb `status`: what each environment serves and since when, what the bots have open, and the last drift line. Run: mlops status (make status).

It reads main as it was last fetched (`git fetch` brings a newer one) and changes nothing. What git knows is printed first; exit 2
where something could not be read, with a sentence for it. Without a token GitHub is not asked, which is said once.
"""

import unicodedata
from datetime import UTC, datetime

from mlops.comment.sanitise import UNSEEN
from mlops.drift.tell import LINES
from mlops.errors import CannotRun
from mlops.status import read
from mlops.status.pulls import Pull
from mlops.status.read import Change, Drift, Environment, Served, Status

HEAD = ("environment", "step", "serves", "image", "model", "model came with", "since")
NOT_READ = "cannot be read"
TITLE = "What runs where"
LONGEST = 160  # characters of a text that somebody chose


def run(args) -> int:
    """Print it all; raises CannotRun afterwards where something could not be read."""
    found = read.gather()
    print("\n".join(lines(found, datetime.now(UTC))), flush=True)
    if found.faults:
        raise CannotRun("\n".join(found.faults))
    return 0


def lines(found: Status, now: datetime) -> list[str]:
    """Return the screen. now: UTC, for ages."""
    table = [HEAD, *rows(found, now)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    shown = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table]
    told = [(f"{name}:", said) for name, said in facts(found, now)]
    width = max(len(name) for name, _ in told)
    pulls = [f"  {each}" for each in open_pulls(found, now)]
    return [
        main(found, now), "", *shown, "", *[f"{name:<{width}} {said}" for name, said in told],
        f"open pull requests of the bots: {pulls.pop().strip() if len(pulls) == 1 else ''}".rstrip(), *pulls,
    ]  # fmt: skip


def page(found: Status, now: datetime) -> str:
    """Return the same as Markdown, with times in the place of ages: a page is read later than it is drawn."""
    from mlops.card import markdown_table
    from mlops.report.text import plain

    told = [f"- {plain(name)}: {plain(said)}" for name, said in facts(found, None)]
    pulls = [f"- {plain(each)}" for each in open_pulls(found, None)]
    faults = [f"- {plain(clean(each, 2 * LONGEST))}" for each in found.faults]
    parts = [
        [f"# {TITLE}"],
        [f"{main(found, None)}. Drawn at {now:%Y-%m-%d %H:%M} UTC."],
        markdown_table(HEAD, [tuple(plain(cell) for cell in row) for row in rows(found, None)]),
        told,
        ["Open pull requests of the bots:"],
        pulls,
        *([["Could not be read:"], faults] if faults else []),
    ]
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def main(found: Status, now: datetime | None) -> str:
    """Return which commit is looked at."""
    where = "main as last fetched" if found.fetched else "the commit that is here (no main of `origin` is known)"
    return f"{where}: {moment(found.main, now)}"


def rows(found: Status, now: datetime | None) -> list[tuple[str, ...]]:
    """Return the table's rows, one a role of an environment, each as long as HEAD."""
    made = []
    for name, each in found.environments.items():
        made += _rows(clean(name), each, now)
    return made or [("none", *[""] * (len(HEAD) - 1))]


def facts(found: Status, now: datetime | None) -> list[tuple[str, str]]:
    """Return (what, what is so): the last change of each environment, what was rolled back, whether the bots are paused, and the last drift line."""
    changed = [
        (f"last change of {clean(name)}", moment(each.changed, now) + (f": {clean(each.why)}" if each.why else ""))
        for name, each in found.environments.items()
        if each and each.changed and (each.served or each.why)
    ]
    lost = [
        (f"rolled back in {clean(name)}", ", ".join(clean(digest)[7:19] for digest in each.rejected))
        for name, each in found.environments.items()
        if each and each.rejected
    ]
    states = {None: NOT_READ, True: "PAUSED by delivery.paused of params.yaml", False: "not paused"}
    return [*changed, *lost, ("delivery", states[found.paused]), ("drift", _drift(found.drift))]


def open_pulls(found: Status, now: datetime | None) -> list[str]:
    """Return a line a pull request, or why there is none."""
    if found.unasked:
        return [f"not asked: {found.unasked}"]
    if found.pulls is None:
        return [NOT_READ]
    return [_pull(each, now) for each in found.pulls] or ["none"]


def moment(change: Change | None, now: datetime | None) -> str:
    """Return a commit and when it was; its age too, where there is a `now`."""
    return f"{change.commit[:7]} {_at(change.at, now)}" if change else "main's history does not tell"


def age(then: datetime, now: datetime) -> str:
    """Return how long ago it was, in the largest unit that is at least one: 5 min, 3 h, 12 days."""
    minutes = max(0, int((now - then).total_seconds() // 60))
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // (24 * 60)} days"


def clean(text: str, most: int = LONGEST) -> str:
    """Return a text that somebody chose as one line of at most `most` characters, none of which is invisible or steers a terminal."""
    line = " ".join("".join(" " if unicodedata.category(c) in UNSEEN else c for c in text).split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def _at(then: datetime, now: datetime | None) -> str:
    said = f"{then.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    return f"{said} ({age(then, now)})" if now else said


def _rows(name: str, found: Environment | None, now: datetime | None) -> list[tuple[str, ...]]:
    if found is None or not found.served:
        step, said = (found.step, "unreleased") if found else ("?", NOT_READ)
        return [(name, step, said, *[""] * (len(HEAD) - 3))]
    first, *more = [_row(each, now) for each in found.served]
    return [(name, found.step, *first), *[("", "", *each) for each in more]]


def _row(found: Served, now: datetime | None) -> tuple[str, ...]:
    model = found.image.model[:12] or "not said"
    came = f"{found.brought.commit[:7]} {found.brought.at:%Y-%m-%d}" if found.brought else "not known"
    return found.role, found.image.digest[7:19], model, came, moment(found.since, now)


def _pull(found: Pull, now: datetime | None) -> str:
    checks = f"checks: {clean(found.checks)}  " if found.checks else ""
    opened = age(found.opened, now) if now else _at(found.opened, None)
    return f"#{found.number}  {opened}  {checks}{clean(found.title)}"


def _drift(found: Drift | None) -> str:
    if found is None:
        return "nothing kept yet"
    first, *more = found.sentences or ("",)
    said = LINES.get(found.answer) or f"[DRIFT] {first}{f'; and {len(more)} more' if more else ''}"
    return clean(f"{found.as_of}, champion {found.model[:12]}: {said}", 2 * LONGEST)
