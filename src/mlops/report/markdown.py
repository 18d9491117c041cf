"""report.md: the answer first, then the figures, why each red gate is red and what shows more, then what changed."""

import json
from collections.abc import Iterable

from mlops import paths
from mlops.bootstrap import Difference
from mlops.card import markdown_table
from mlops.gates.degradation import margins, sure
from mlops.gates.result import Evidence, form
from mlops.metrics import METRICS, PRIMARY, named
from mlops.report import charts
from mlops.report.changes import Changes
from mlops.report.text import code, figure, listed, plain
from mlops.slices import judged, singles

LIMIT = 60_000  # bytes; GitHub refuses comments above 65,536 characters
CUT = "*Cut here: this report is longer than a comment may be. All of it is in `reports/report.html`, every gate in `reports/verdict.json`.*"
ANSWERS = {"pass": "passes", "fail": "FAILS", "partial": "is partial", "error": "could not be judged"}
MARKS = {"fail": "❌", "warn": "⚠️", "waived": "🟡", "neutral": "➖", "pass": "✅"}  # in the order of the table
MORE = {  # what shows more of a gate than its message; base: the commit that was compared with
    "behaviour": paths.BEHAVIOUR,
    "data_contract": paths.DATA_DOCS,
    "deepchecks": paths.DEEPCHECKS_PAGE,
    "lint": "make lint",
    "lock": "git diff {base} -- dvc.lock metrics.json",
}
JUDGING = {"behaviour", "deepchecks", "gates", "reports", "split"}  # sections of params.yaml that say what passes
HOW = {
    "rescored": "main's own model, scored on the same rows",
    "trained": "main's recipe, trained again",
    "committed": "the same model",
}
INTERVALS = "Intervals: paired bootstrap over test rows, not over training seeds."
COLUMNS = "`seen` is held against `limit`. Of a change it is what was lost, below 0 a gain. A waiver names `id`."


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
        *_deepchecks(evidence),
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
    limits = [f"{code(key)} {_moved(old, new)}" for key, old, new in changes.params if key.split(".")[0] in JUDGING]
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
    notes = [_source(base, verdict["rows_compared"]), *_owners(names)]
    return "\n\n".join(["### Metrics", *_sure(evidence, limits), _table(head, rows), " ".join(notes)])


def _sure(evidence: Evidence, names: Iterable[str]) -> list[str]:
    """Return which metrics are better and which are worse than main's: the interval of their change excludes 0."""
    found = [(named(name), evidence.differences[name]) for name in names if name in evidence.differences]
    said = []
    for word in ("better", "worse"):
        titles = [plain(metric.title) for metric, seen in found if sure(seen, metric) == word]
        said += [f"**{word.title()}** than main: {', '.join(titles)}."] if titles else []
    return [" ".join(said)] if said else []


def _owners(names: list[str]) -> list[str]:
    own = [plain(named(name).title) for name in names if name not in METRICS and not name.startswith("recall_")]
    return (
        [f"{', '.join(own)}: the mean over rows of what src/model/metrics.py returns; higher is better."] if own else []
    )


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
        value = evidence.estimates[name].value
        return plain(metric.title), "-", figure(value, form(value)), "-", "-", limit
    shown = form(seen.main, seen.candidate)
    spread = f"{figure(seen.low, '+' + shown)} to {figure(seen.high, '+' + shown)}"
    return plain(metric.title), *_beside(seen), spread, limit


def _beside(seen: Difference) -> tuple:
    """Return both values and the change, with the same decimals."""
    shown = form(seen.main, seen.candidate)
    return figure(seen.main, shown), figure(seen.candidate, shown), figure(seen.delta, "+" + shown)


def _alone(name: str, evidence: Evidence) -> tuple:
    own = evidence.estimates[name]
    shown = form(own.value)
    return plain(named(name).title), figure(own.value, shown), f"{figure(own.low, shown)} to {figure(own.high, shown)}"


def _lines(verdict: dict, status: str, title: str) -> list[str]:
    base = (verdict["baseline"]["commit"] or "HEAD")[:12]
    found = [_line(gate, base) for gate in verdict["gates"] if gate["status"] == status]
    return [f"### {title}\n\n" + "\n".join(listed(found, 20))] if found else []


def _line(gate: dict, base: str) -> str:
    more = f" More: `{MORE[gate['id']].format(base=base)}`" if gate["id"] in MORE else ""
    return f"- {MARKS[gate['status']]} **{plain(gate['title'])}**: {plain(gate['message'])}.{more}"


def _gates(verdict: dict) -> str:
    order = list(MARKS)
    rows = [_row(gate) for gate in sorted(verdict["gates"], key=lambda gate: order.index(gate["status"]))]
    more = [f"\n\n{len(rows) - 100} more are in `reports/verdict.json`."] if len(rows) > 100 else []
    table = _table(("", "gate", "id", "seen", "limit", "message"), rows[:100])
    return _folded(f"All {len(rows)} gates", "".join([table, *more, f"\n\n{COLUMNS}"]))


def _row(gate: dict) -> tuple:
    numbers = _seen(gate["observed"]), _seen(gate["threshold"])
    return MARKS[gate["status"]], plain(gate["title"]), f"`{gate['id']}`", *numbers, plain(gate["message"], 200)


def _seen(value: float | str | None) -> str:
    """Return four significant digits."""
    return "-" if value is None else plain(value) if isinstance(value, str) else f"{float(f'{value:.4g}'):g}"


def _changed(changes: Changes) -> str:
    lines = listed([f"params {code(key)}: {_moved(old, new)}" for key, old, new in changes.params], 40)
    lines = lines or ["params: nothing"]
    if changes.inputs:
        lines.append("inputs: " + ", ".join(listed([f"{name[0]}{code(name[1:])}" for name in changes.inputs], 40)))
    lines += listed([f"contract {code(key)}: {_moved(old, new)}" for key, old, new in changes.contract], 40)
    lines += changes.data
    if changes.drift:
        drift = ", ".join(f"{code(name)} {figure(value, '.3f')}" for name, value in changes.drift[:5])
        lines.append(f"drift between the two training sets (PSI): {drift}")
    elif changes.drift is None:
        lines.append("drift between the two training sets: not measured, main's training rows are in no cache")
    lines.append("files: " + (", ".join(listed([code(path) for path in changes.files], 30)) or "none"))
    return "### What changed\n\n" + "\n".join(f"- {line}" for line in lines)


def _moved(old: str, new: str) -> str:
    """Return a changed JSON value: of two lists what went and what came, else both values."""
    if old.startswith("[") and new.startswith("["):
        before, after = (list(map(_json, json.loads(value))) for value in (old, new))
        gone, come = set(before) - set(after), set(after) - set(before)
        if gone or come:
            signed = [f"-{code(each)}" for each in before if each in gone]
            return ", ".join(listed(signed + [f"+{code(each)}" for each in after if each in come], 10))
    return f"{code(_lettered(old))} -> {code(_lettered(new))}"


def _lettered(text: str) -> str:
    """Return a JSON text with its letters as people write them, a text that is no JSON as it is."""
    try:
        return _json(json.loads(text))
    except ValueError:
        return text


def _json(value) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text.encode("utf-8", "backslashreplace").decode("utf-8")  # half of a pair is no letter, and no file takes it


def _deepchecks(evidence: Evidence) -> list[str]:
    """The conditions of all checks that do not hold, gating or not."""
    gating, found = evidence.params.deepchecks.gate, {}
    for item in evidence.deepchecks["checks"] if evidence.deepchecks else []:
        broken = [plain(condition["name"]) for condition in item["conditions"] if not condition["passed"]]
        found.setdefault(item["check"], {}).update(dict.fromkeys(broken))  # some look at train and at test rows
    lines = [
        f"- {code(check)}{' (gates)' * (check in gating)}: {'; '.join(names)}"
        for check, names in found.items()
        if names
    ]
    title = "deepchecks: conditions that do not hold"
    return [f"### {title}\n\n" + "\n".join(listed(lines, 20))] if lines else []


def _groups(evidence: Evidence) -> list[str]:
    parts = []
    if evidence.metrics.get("slices"):
        parts.append(_worst(evidence.metrics["slices"], PRIMARY[evidence.table.task]))
    if evidence.slice_differences:
        metric = named(evidence.params.gates.primary)
        seen = sorted(evidence.slice_differences.items(), key=lambda item: item[1].oriented(metric).delta)
        rows = [(plain(name), *_beside(each)) for name, each in seen[:100]]
        title = f"{plain(metric.title)} by group, against main"
        parts.append(_folded(title, _table(("group", "main", "this PR", "Δ"), rows)))
    small = _too_small(evidence)
    if small:
        least = evidence.params.gates.slices.min_class_rows
        parts.append(f"Too few rows to judge (gates.slices.min_class_rows is {least}): {', '.join(listed(small, 20))}.")
    return [f"### Groups\n\n{parts[0]}", *parts[1:]] if parts else []


def _worst(groups: list[dict], name: str) -> str:
    shown, title = form(*(group[name] for group in groups)), METRICS[name].title
    rows = [(plain(group["slice"]), f"{group['rows']:,}", figure(group[name], shown)) for group in groups]
    return f"Worst {title} of this model:\n\n{_table(('group', 'rows', title), rows)}"


def _too_small(evidence: Evidence) -> list[str]:
    """Return the groups that are not judged; only those that the contract names, as a rare value may name a person."""
    columns = evidence.table.columns
    shown = [name for name in evidence.slices if columns[name].type in ("category", "boolean") or columns[name].bands]
    least = evidence.params.gates.slices.min_class_rows
    groups = singles(evidence.slices[shown]).items()
    return [code(name) for name, at in groups if not judged(at, evidence.target, least, evidence.table.task)]
