"""The part of the comment that the pull request cannot write: what it touches, and how its run ended."""

from mlops.comment.find import MOST_FILES
from mlops.comment.sanitise import inert
from mlops.protected import protected

SHOWN, LONGEST_NAME = 20, 120
LABEL = "**Everything below this line was made by the pull request's own code.** It can say whatever that code wants."


def header(paths: list[str], sha: str, conclusion: str, run_url: str) -> str:
    """Markdown to stand above the report; `paths` are the files touched, the rest is from GitHub's own event."""
    mark = {"success": "✅", "failure": "❌"}.get(conclusion, "⚠️")
    ended = (
        f"{mark} **The checks of `{sha[:12]}` ended with: {inert(conclusion).replace('_', ' ')}** ([run]({run_url}))"
    )
    return "\n\n".join([ended, _touches(paths), f"{LABEL}\n\n---\n\n"])


def _touches(paths: list[str]) -> str:
    found, cut = protected(paths), len(paths) >= MOST_FILES
    names = [f"- `{_name(path)}`" for path in found[:SHOWN]]
    if len(found) > SHOWN:
        names.append(f"- and {len(found) - SHOWN} more")
    if cut:
        names.append(f"- **and what GitHub does not list: it names only the first {MOST_FILES:,} files**")
    if not names:
        return "🔓 Touches no protected path. Its model code ran beside the checks, as it must."
    count = f"{len(found)} protected path{'s' if len(found) != 1 else ''}"
    return "\n".join([f"🔒 **Touches {count}**: read these first, they can change what the figures mean.", "", *names])


def _name(path: str) -> str:
    short = path if len(path) <= LONGEST_NAME else f"{path[:LONGEST_NAME]}…"
    return inert(short).replace("`", "'")
