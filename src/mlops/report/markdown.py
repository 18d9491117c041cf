"""report.md: the answer first, then the figures, why each red gate is red and what shows more, then what changed."""

from mlops.card import markdown_table
from mlops.gates.degradation import margins
from mlops.gates.result import Evidence
from mlops.metrics import METRICS, named
from mlops.report import charts
from mlops.report.changes import Changes
from mlops.report.text import code, figure, listed, plain
from mlops.slices import judged, singles

LIMIT = 60_000  # bytes; GitHub refuses comments above 65,536 characters
CUT = "*Cut here: this report is longer than a comment may be. All of it is in `reports/report.html`, every gate in `reports/verdict.json`.*"
ANSWERS = {"pass": "passes", "fail": "FAILS", "partial": "is partial", "error": "could not be judged"}
MARKS = {"fail": "❌", "warn": "⚠️", "waived": "🟡", "neutral": "➖", "pass": "✅"}  # in the order of the table
MORE = {  # what shows more of a red gate; else `make pr`, whose last lines are the gates
    "behaviour": "uv run mlops behaviour",
    "data_contract": "uv run mlops validate",
    "deepchecks": "uv run mlops deepchecks",
    "lint": "make lint",
    "lock": "git diff origin/main -- dvc.lock metrics.json",
}
JUDGING = {"behaviour", "deepchecks", "gates", "reports", "split"}  # sections of params.yaml that say what passes
HOW = {
    "rescored": "main's own model, scored on the same rows",
    "trained": "main's recipe, trained again",
    "committed": "the same model",
}
INTERVALS = "Intervals: paired bootstrap over test rows, not over training seeds."


def render(verdict: dict, evidence: Evidence | None, changes: Changes | None, limit: int = LIMIT) -> str:
    """Return the report in at most `limit` bytes: a section that does not fit is left out, and the report says so."""
    if evidence is None or changes is None:
        end = "Nothing else was judged. Mend the above, then run `make pr` again."
        return _cut([*_answer(verdict), *_lines(verdict, "fail", "Why it is red"), end], limit)
    sections = [
        *_answer(verdict),
        *_waivers(verdict),
        *_touched(changes),
        _metrics(verdict, evidence),
        *_lines(verdict, "fail", "Why it is red"),
        *_lines(verdict, "warn", "Warnings"),
        _changed(changes),
        _gates(verdict),
        *_groups(evidence),
        *charts.drawn(evidence),
    ]
    return _cut(sections, limit)


def _cut(sections: list[str], limit: int) -> str:
    kept, room = [], limit - len(CUT.encode()) - 3
    for section in sections:
        size = len(section.encode()) + 2
        if size <= room:
            kept.append(section)
            room -= size
    return "\n\n".join([*kept, *([CUT] if len(kept) < len(sections) else [])]) + "\n"


def _table(head: tuple, rows: list[tuple]) -> str:
    return "\n".join(markdown_table(head, rows))


def _folded(title: str, body: str) -> str:
    return f"<details><summary>{title}</summary>\n\n{body}\n\n</details>"


def _answer(verdict: dict) -> list[str]:
    first, *rest = verdict["message"].splitlines()
    found = [f"**This pull request {ANSWERS[verdict['verdict']]}**: {plain(first, 1000)}"]
    return found + (["\n".join(f"- {plain(line)}" for line in listed(rest, 20))] if rest else [])


def _waivers(verdict: dict) -> list[str]:
    used = {gate["id"] for gate in verdict["gates"] if gate["status"] == "waived"}
    lines = []
    for w in verdict["waivers"]:
        state = "Waiver expired" if w["expired"] else "Waived" if w["gate"] in used else "Waiver not needed"
        lines.append(
            f"- 🟡 **{state}**: gate `{w['gate']}` by {plain(w['approver'])} until {w['expires']}: {plain(w['reason'])}"
        )
    return ["\n".join(listed(lines, 20))] if lines else []


def _touched(changes: Changes) -> list[str]:
    paths = ", ".join(listed([code(path) for path in changes.protected], 20))
    limits = [
        f"`{key}` {plain(old)} -> {plain(new)}" for key, old, new in changes.params if key.split(".")[0] in JUDGING
    ]
    found = [f"⚠️ **This pull request touches what judges it**: {paths}"] if paths else []
    return found + ([f"⚠️ **It changes limits or rules**: {', '.join(listed(limits, 20))}"] if limits else [])


def _metrics(verdict: dict, evidence: Evidence) -> str:
    base, limits = verdict["baseline"], margins(evidence.params.gates)
    names = [name for name in dict.fromkeys([*limits, *evidence.estimates]) if name in evidence.estimates]
    if evidence.differences:
        head = ("metric", "main", "this PR", "Δ", "95 % interval of Δ", "limit of Δ")
        rows = [_compared(name, evidence, limits.get(name)) for name in names]
    else:
        head, rows = ("metric", "this PR", "95 % interval"), [_alone(name, evidence) for name in names]
    return f"### Metrics\n\n{_table(head, rows)}\n\n{_source(base, verdict['rows_compared'])}"


def _source(base: dict, rows: int) -> str:
    note = f" {plain(base['note'][:1].upper() + base['note'][1:])}." if base["note"] else ""
    if not base["how"]:
        return f"{rows:,} test rows.{note} {INTERVALS}"
    main = f"{HOW[base['how']]} (`{base['model_hash'][:12]}`, commit `{base['commit'][:8]}`)"
    return f"{rows:,} test rows that neither model trained on. Main: {main}.{note} {INTERVALS}"


def _compared(name: str, evidence: Evidence, margin: float | None) -> tuple:
    metric, seen = named(name), evidence.differences.get(name)
    limit = "-" if margin is None else f"{'-' if metric.better == 'higher' else '+'}{margin:g}"
    if seen is None:
        return metric.title, "-", figure(evidence.estimates[name].value), "-", "-", limit
    spread = f"{figure(seen.low, '+.4f')} to {figure(seen.high, '+.4f')}"
    return metric.title, figure(seen.main), figure(seen.candidate), figure(seen.delta, "+.4f"), spread, limit


def _alone(name: str, evidence: Evidence) -> tuple:
    own = evidence.estimates[name]
    return named(name).title, figure(own.value), f"{figure(own.low)} to {figure(own.high)}"


def _lines(verdict: dict, status: str, title: str) -> list[str]:
    found = [
        f"- {MARKS[status]} **{plain(gate['title'])}**: {plain(gate['message'])}. More: `{MORE.get(gate['id'], 'make pr')}`"
        for gate in verdict["gates"]
        if gate["status"] == status
    ]
    return [f"### {title}\n\n" + "\n".join(listed(found, 20))] if found else []


def _gates(verdict: dict) -> str:
    order = list(MARKS)
    rows = [
        (MARKS[g["status"]], plain(g["title"]), _seen(g["observed"]), _seen(g["threshold"]), plain(g["message"], 200))
        for g in sorted(verdict["gates"], key=lambda gate: order.index(gate["status"]))
    ]
    more = [f"\n\n{len(rows) - 100} more are in `reports/verdict.json`."] if len(rows) > 100 else []
    table = _table(("", "gate", "seen", "limit", "message"), rows[:100])
    return _folded(f"All {len(rows)} gates", "".join([table, *more]))


def _seen(value: float | str | None) -> str:
    return "-" if value is None else plain(value) if isinstance(value, str) else f"{value:g}"


def _changed(changes: Changes) -> str:
    values = [f"params {code(key)}: {code(old)} -> {code(new)}" for key, old, new in changes.params]
    lines = [*(listed(values, 40) or ["params: nothing"]), *changes.data]
    if changes.drift:
        drift = ", ".join(f"{code(name)} {figure(value, '.3f')}" for name, value in changes.drift[:5])
        lines.append(f"drift between the two training sets (PSI): {drift}")
    elif len(changes.data) > 1:
        lines.append("drift between the two training sets: not measured, main's training rows are in no cache")
    lines.append("files: " + (", ".join(listed([code(path) for path in changes.files], 30)) or "none"))
    return "### What changed\n\n" + "\n".join(f"- {line}" for line in lines)


def _groups(evidence: Evidence) -> list[str]:
    parts = []
    if evidence.metrics.get("slices"):
        rows = [
            (plain(s["slice"]), f"{s['rows']:,}", f"{s['positives']:,}", figure(s["roc_auc"]))
            for s in evidence.metrics["slices"]
        ]
        table = _table(("group", "rows", "positives", METRICS["roc_auc"].title), rows)
        parts.append(f"Lowest ROC AUC of this model:\n\n{table}")
    if evidence.slice_differences:
        metric = named(evidence.params.gates.primary)
        seen = sorted(evidence.slice_differences.items(), key=lambda item: item[1].oriented(metric).delta)
        rows = [(plain(name), figure(d.main), figure(d.candidate), figure(d.delta, "+.4f")) for name, d in seen[:100]]
        title = f"{named(evidence.params.gates.primary).title} by group, against main"
        parts.append(_folded(title, _table(("group", "main", "this PR", "Δ"), rows)))
    small = _too_small(evidence)
    if small:
        least = evidence.params.gates.slices.min_class_rows
        parts.append(f"Too few to judge, with less than {least} rows of a class: {', '.join(listed(small, 20))}.")
    return [f"### Groups\n\n{parts[0]}", *parts[1:]] if parts else []


def _too_small(evidence: Evidence) -> list[str]:
    """Return the groups that are not judged; only those that the contract names, as a rare value may name a person."""
    columns = evidence.table.columns
    shown = [name for name in evidence.slices if columns[name].type in ("category", "boolean") or columns[name].bands]
    least = evidence.params.gates.slices.min_class_rows
    groups = singles(evidence.slices[shown]).items()
    return [code(name) for name, at in groups if not judged(at, evidence.target, least)]
