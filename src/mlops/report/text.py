"""Text that a report shows but did not write: messages, values, paths. It is bounded, and nothing in it acts."""

from math import isfinite


def plain(text: object, most: int = 400) -> str:
    """Return `text` as one line of at most `most` characters, in which no tag acts and every backtick has its pair."""
    line = _short(text, most)
    if line.count("`") % 2 or "``" in line:
        line = line.replace("`", "'")
    parts = line.split("`")  # every second part is code, where these two are only signs
    return "`".join(p if i % 2 else p.replace("\\", "\\\\").replace("<", "&lt;") for i, p in enumerate(parts))


def code(text: object, most: int = 120) -> str:
    """Return `text` as one line of code of at most `most` characters."""
    return f"`{_short(text, most).replace('`', chr(39))}`"


def figure(value: float | None, form: str = ".4f") -> str:
    """Return a number as `form` says, 'not a number' where it is none."""
    return format(value, form) if value is not None and isfinite(value) else "not a number"


def listed(items: list, most: int) -> list:
    """Return the first `most` items, and how many more there are."""
    return [*items[:most], *([f"and {len(items) - most:,} more"] if len(items) > most else [])]


def _short(text: object, most: int) -> str:
    line = " ".join(str(text).split())
    return line if len(line) <= most else f"{line[: most - 1]}…"
