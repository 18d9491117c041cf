"""What `drift` tells people: the answer first, then the table of windows, then the newest figures. Markdown for tickets, a page with plots."""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from html import escape

from mlops.drift.decision import MEND, QUIET, RETRAIN, Decision, Seen
from mlops.drift.finding import CRITICAL, DRIFT, FEW, KINDS, OK, Finding
from mlops.drift.looked import ALL, SCORE
from mlops.drift.performance import CALIBRATION
from mlops.drift.reference import Reference
from mlops.report import charts, html

SHOWN = 12  # windows in charts and tables, the newest
ANSWERS = {
    MEND: "**The rows are at fault.** Mend what delivers them; nothing is trained on them.",
    RETRAIN: "**The rows have changed, or what they mean.** Retrain (`make retrain`), accept the new rows as reference "
    "(`make accept-drift`), or roll back.",
    QUIET: "**Quiet.** The rows are as they were, and the champion is as good as it was.",
}


def markdown(reference: Reference, as_of: date, seen: Sequence[Seen], found: Decision) -> str:
    """Return the whole report."""
    about = (
        f"Champion `{reference.model.hash[:12]}` of {reference.commit[:8]}, trained on {reference.window.start} to "
        f"{reference.window.end}; windows as of {as_of}."
    )
    if own := reference.accepted:
        about += f" They are held against the rows of {own.start} to {own.end}, which a person has accepted (`drift.reference`)."
    said = told(found)
    alarms = [f"- {sentence}" for sentence in said[:SHOWN]]
    more = [f"- and {len(said) - SHOWN} more"] if len(said) > SHOWN else []
    parts = ["# Drift", ANSWERS.get(found.answer, "**Too few rows** to say anything."), "\n".join(alarms + more)]
    parts += [about, table(seen[-SHOWN:]), _left_out(seen), newest(seen), *drawn(seen[-SHOWN:])]
    return "\n\n".join(part for part in parts if part) + "\n"


def told(found: Decision) -> list[str]:
    """Return a sentence an alarm; of a group only where all rows do not say the same."""
    whole = {alarm.finding.key[:2] for alarm in found.alarms if alarm.finding.group == ALL}
    return [each.sentence for each in found.alarms if each.finding.group == ALL or each.finding.key[:2] not in whole]


def table(seen: Sequence[Seen]) -> str:
    """Return one line a window: what each kind of check says of it."""
    kinds = [kind for kind in KINDS if any(each.kind == kind for one in seen for each in one.found)]
    heads = ["window", "rows", "labels", *(KINDS[kind][0] for kind in kinds)]
    lines = [_row(heads), _row(["---"] * len(heads))]
    for one in seen:
        cells = [_cell([each for each in one.found if each.kind == kind]) for kind in kinds]
        lines.append(_row([_name(one), f"{one.rows:,}", f"{one.labelled:,}", *cells]))
    return "\n".join(lines)


def newest(seen: Sequence[Seen]) -> str:
    """Return the figures of the newest window that has some, all rows: a line a column."""
    one = next((each for each in reversed(seen) if any(found.effect is not None for found in each.found)), None)
    if one is None:
        return ""
    whole = [each for each in one.found if each.group == ALL and each.effect is not None]
    lines = [_row(["what", "statistic", "effect", "limit", "p", ""]), _row(["---"] * 6)]
    for each in whole:
        p = "" if each.p is None else f"{each.p:.2g}"
        lines.append(
            _row(
                [shown(each.what), each.statistic, f"{each.effect:.3g}", f"{each.limit:g}", p, each.note or each.state]
            )
        )
    return f"<details><summary>All figures of {one.window.name}</summary>\n\n" + "\n".join(lines) + "\n\n</details>"


def drawn(seen: Sequence[Seen]) -> Iterator[str]:
    """Yield charts as Mermaid: the largest index of a column, and the primary metric, window by window."""
    if len(seen) < 2:
        return
    names = [_plain(one.window.name) for one in seen]
    moved = [(what, index) for one in seen for what, index in indices(one)]
    if moved:
        most = max(moved, key=lambda each: each[1])[0]
        told_ = [(name, dict(indices(one)).get(most)) for name, one in zip(names, seen, strict=True)]
        labels, bars = zip(*[each for each in told_ if each[1] is not None], strict=True)
        title = f"Population stability index of {shown(most)}, which has moved most"
        yield charts.chart(title, [*labels], "window", [("bar", [*bars])], "index")
    real, expected = ([_metric(one, kind) for one in seen] for kind in ("performance", "estimate"))
    known = [(name, a, b) for name, a, b in zip(names, real, expected, strict=True) if a is not None and b is not None]
    if len(known) > 1:
        labels, bars, line = zip(*known, strict=True)
        title = "Primary metric with labels (bars), and as it was estimated without (line)"
        yield charts.chart(title, [*labels], "window", [("bar", [*bars]), ("line", [*line])], "metric")


def page(text: str, seen: Sequence[Seen]) -> str:
    """Return the report as one HTML page, its charts replaced by plots."""
    plain = re.sub(r"^```mermaid$.*?^```$", "", text, flags=re.S | re.M)
    plots = [html.svg(title, draw, width=9) for title, draw in _plots(seen)] if len(seen) > 1 else []
    return html.page("Drift", html.body(plain) + "".join(f"<figure>{plot}</figure>" for plot in plots))


def pages(champions: Sequence[tuple[str, Sequence[Seen]]]) -> str:
    """Return the windows of several champions (a title and its windows each), the oldest first, as one HTML page."""
    ordered = sorted(champions, key=lambda each: each[1][0].window.start)
    names = sorted({one.window.name for _, seen in ordered for one in seen})
    parts = [f"# Drift\n\nQuality and stability of {names[0]} to {names[-1]}, champion after champion."]
    parts += [f"## {title}\n\n{table(seen[-SHOWN:])}" for title, seen in reversed(ordered)]
    plots = [html.svg(title, draw, width=9) for title, draw in _across(ordered, names)]
    figures = "".join(f"<figure>{plot}</figure>" for plot in plots)
    return html.page("Drift", html.body(parts[0]) + figures + html.body("\n\n".join(parts[1:])))


def indices(one: Seen) -> list[tuple[str, float]]:
    """Return (column or score, population stability index) of a window, all rows."""
    return [(each.what, each.effect) for each in one.found if each.statistic == "psi" and each.group == ALL]


def shown(name: str) -> str:
    """Return a column's name as people know it."""
    return name.removeprefix("_") if name.startswith(SCORE) else name


def off(seen: Sequence[Seen]) -> str:
    """Return how good the last estimate was, "" where no window has both."""
    for one in reversed(seen):
        real, expected = _metric(one, "performance"), _metric(one, "estimate")
        if real is not None and expected is not None:
            return f"The estimate of {one.window.name} was {expected:.4f}; with its labels it is {real:.4f}."
    return ""


def _plots(seen: Sequence[Seen]) -> Iterator[tuple]:
    names = [one.window.name for one in seen]
    columns = sorted({what for one in seen for what, _ in indices(one)})

    def stability(axes) -> None:
        moved = {what: [dict(indices(one)).get(what, float("nan")) for one in seen] for what in columns}
        for what in sorted(columns, key=lambda each: -max(moved[each]))[:6]:
            axes.plot(names, moved[what], "o-", label=shown(what))
        axes.tick_params(axis="x", rotation=60)

    def quality(axes) -> None:
        for kind in ("performance", "estimate"):
            values = [_metric(one, kind) for one in seen]
            axes.plot(names, [float("nan") if each is None else each for each in values], "o-", label=KINDS[kind][0])
        axes.tick_params(axis="x", rotation=60)

    yield "Population stability index", stability
    yield "Primary metric", quality


def _across(champions: Sequence[tuple[str, Sequence[Seen]]], names: list[str]) -> Iterator[tuple]:
    def drawer(value):
        def draw(axes) -> None:
            axes.plot(names, [float("nan")] * len(names))  # all windows, in their order
            for title, seen in champions:
                axes.plot([one.window.name for one in seen], [value(one) for one in seen], "o-", label=title)
            axes.tick_params(axis="x", rotation=60)

        return draw

    def quality(one: Seen) -> float:
        found = _metric(one, "performance")
        return float("nan") if found is None else found

    yield "Primary metric, with labels", drawer(quality)
    yield "Population stability index, the largest of all columns", drawer(_largest)


def _largest(one: Seen) -> float:
    return max((index for _, index in indices(one)), default=float("nan"))


def _metric(one: Seen, kind: str) -> float | None:
    found = (each.now for each in one.found if each.kind == kind and each.group == ALL and each.what != CALIBRATION)
    return next(found, None)


def _cell(found: list[Finding]) -> str:
    for state in (CRITICAL, DRIFT):
        named = list(dict.fromkeys(_short(each) for each in found if each.state == state))
        if named:
            return f"**{state}**: {', '.join(named[:3])}{f' and {len(named) - 3} more' if len(named) > 3 else ''}"
    states = [each.state for each in found]
    return OK if OK in states else next(iter(states), "")


def _short(each: Finding) -> str:
    return shown(each.what) + (f" of {each.group}" if each.group else "")


def _name(one: Seen) -> str:
    return one.window.name + ("" if one.window.closed else " (open)")


def _left_out(seen: Sequence[Seen]) -> str:
    lines = [f"- {one.window.name}: {'; '.join(one.said)}" for one in seen if one.said]
    few = [
        one.window.name
        for one in seen
        if one.found and all(each.state == FEW for each in one.found if each.kind == "covariate")
    ]
    lines += [f"- too few rows: {', '.join(few)}"] * bool(few)
    return "\n".join([*lines, *([f"- {off(seen)}"] if off(seen) else [])])


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(escape(cell, quote=False).replace("|", "\\|") for cell in cells) + " |"


def _plain(name: str) -> str:
    return f'"{name}"'
