"""Verb `accept-drift`: hold new rows against newer ones from now on, as a person has looked at them. Run: mlops accept-drift [--start 2025-03 --end 2025-05].

It changes one line of params.yaml, `drift.reference`: commit it to a branch, and say why in its pull request. A retrain that is merged later is
held against its own rows again.
"""

from datetime import timedelta
from pathlib import Path

from mlops import contract, params, yamledit
from mlops.config import parse
from mlops.drift import history
from mlops.errors import CannotRun
from mlops.files import write_text
from mlops.params import Params, Window
from mlops.paths import DRIFT, PARAMS


def add_arguments(parser) -> None:
    """Add the months."""
    parser.add_argument(
        "--start", default="", metavar="MONTH", help="the first one (default: of the newest windows, drift.of)"
    )
    parser.add_argument("--end", default="", metavar="MONTH", help="the last one (default: of the same)")


def run(args) -> int:
    """Edit params.yaml, and say what to do with it."""
    text = Path(PARAMS).read_text(encoding="utf-8")
    table = contract.read()
    if table.time is None:
        raise CannotRun(
            "data/contract.yaml names no `time` column, so months say nothing: accepted rows cannot be found"
        )
    window = chosen(args.start, args.end, params.read())
    new = yamledit.edited(text, ["drift", "reference"], window.model_dump(), PARAMS)
    parse(new, Params, PARAMS)
    write_text(PARAMS, new)
    print(
        f"accept-drift: {PARAMS} names {window.start} to {window.end} now: `git diff {PARAMS}`, then commit it to a branch of main"
    )
    return 0


def chosen(start: str, end: str, knobs: Params) -> Window:
    """Return the months that are named, else those of the newest closed windows that `drift` has looked at."""
    if start and end:
        return parse(f"{{start: '{start}', end: '{end}'}}", Window, "accept-drift")
    if start or end:
        raise CannotRun("name both START= and END=, or neither: then it is the newest windows of `make drift`")
    closed = [one for one in history.last(DRIFT) if one.window.closed][-knobs.drift.of :]
    if not closed:
        raise CannotRun(f"{DRIFT} has no closed window: run `make drift` first, and look at what it says")
    first, last = closed[0].window.start, closed[-1].window.end - timedelta(days=1)
    return Window(start=f"{first:%Y-%m}", end=f"{last:%Y-%m}")
