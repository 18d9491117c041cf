"""docs/rehearsal.md: what a rehearsal has told, and whether it would tell the same again."""

import re
from pathlib import Path

FILE = Path(__file__).resolve().parents[2] / "docs/rehearsal.md"
FENCE = "`" * 3
FIX = "the rehearsal tells another story than docs/rehearsal.md: look whether it should, then `make rehearse WRITE=1`"
HEAD = """# The loop, rehearsed

What `make rehearse` prints, kept by `make rehearse WRITE=1`; a run that tells another story fails. Each part is a test in
`tests/rehearsal/test_story.py`, which asserts what is told.

**Real here**: the workflow files, unmodified, run by act; git with a bare remote; a registry; images built, started and called; a
store of DVC's; Envoy with the files that kustomize renders; Prometheus; the sample's model, its data and all gates.

**Stands in**: GitHub's API (`tests/github_stub.py`; a request that `tests/workflows/endpoints.py` does not list fails the run);
third-party actions, trivy and cosign among them (`tests/workflows/actions/README.md` says what each does not do); containers for
pods, and the merge button. The job `test` runs a few tests. `params.yaml` asks for no hours, fewer requests, and a p99 that is not
three times the champion's: one machine does all of it at once. Callers pause while `promote.yml` runs, which has a machine of its
own elsewhere, and while the router takes its next step; what a step does under load, and a fault, is in `tests/rollout`. The API
that fails, the runner that is killed, two schedules at once and the hostile fork are played by `make test-slow`
(`tests/rehearsal/test_faults.py`, `tests/workflows/test_pull_request.py`).

**Left for a real GitHub to prove**: permissions, concurrency groups, timeouts and schedules, which act ignores; who starts a run
(what a token of Actions merges or pushes starts none); the ruleset and its bypass; artifacts and caches between runs; Sigstore and
trivy's database; Pages.
"""


def written(lines: list[str]) -> str:
    """Return the file for a story: each sentence a paragraph, but in lists, quotations and output."""
    made, before, fenced = [], "", False
    for line in lines:
        loose = bool(before and line) and not (before[0] == line[0] and line[0] in "->")
        if loose and not fenced:
            made.append("")
        fenced ^= line.startswith(FENCE)
        made.append(f"#{line}" if line.startswith("# ") and not fenced else line)
        before = line
    body = re.sub(r"\n{3,}", "\n\n", "\n".join(made)).strip()
    return f"{HEAD}\n{body}\n"


def general(text: str) -> str:
    """Return a story without what differs from run to run: hashes, numbers, and which limit a slow challenger met first."""
    text = re.sub(r"(It saw: |last change of prod: ).*", r"\1", text)
    text = re.sub(r"\b[0-9a-f]{7,64}\b", "HASH", text)
    text = re.sub(r"\b\d{4}-\d\d(-\d\d(T[\d:+]+)?)?", "DATE", text)
    text = re.sub(r" {2,}", "  ", text)  # a column is as wide as its longest cell
    return re.sub(
        r"(?<![-\w])[+-]?\d[\d.,:]*(?! of \d+ gates)", "N", text
    )  # canary-05, and how many gates failed, stay


def acts(text: str) -> list[str]:
    """Return the headings of a story's parts, in their order."""
    return re.findall(r"^## (\d+\. .+)$", text, re.M)
