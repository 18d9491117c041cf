"""The step comment-clean, run as comment.yml runs it, against the strict API."""

import json
import struct

import pytest

from github_stub import SHA, Fault, finished_run, pull, zipped
from markdown_oracle import acting
from mlops.comment import clean
from mlops.comment.header import LABEL
from mlops.errors import CannotRun


def cleaned(step):
    code, outputs, summary = step(clean, "ghs_clean")
    assert code == 0
    return outputs, summary


def test_a_good_pull_request_gets_its_comment(step, tmp_path):
    """The header, the label, the report; number and commit as outputs for the job post."""
    assert cleaned(step)[0] == {"number": "7", "head_sha": SHA}
    above, below = (tmp_path / "comment.md").read_text().split(LABEL)
    assert "ended with: success" in above
    assert below == "\n\n---\n\n# Verdict: pass\n"


def test_a_fork_gets_its_comment(stub, step):
    """The same for a fork, whose run names no pull request."""
    stub.pulls = [pull(8, SHA, "main", "guest/loans")]
    step.event.write_text(json.dumps(finished_run(SHA, "main", "guest/loans")))
    assert cleaned(step)[0]["number"] == "8"


def test_reading_is_all_it_does(stub, step):
    """Every request is a GET, with the grants that comment.yml gives to the job."""
    cleaned(step)
    assert {call.method for call in stub.log} == {"GET"}


@pytest.mark.parametrize("pulls", [[], [pull(7, SHA), pull(8, SHA)], [pull(7, "c" * 40)]], ids=["none", "two", "stale"])
def test_without_exactly_one_pull_request_nothing_is_made(stub, step, tmp_path, pulls):
    """None, two, or one with a newer commit: no output, no file, a sentence in the summary, and no failure."""
    stub.pulls = pulls
    outputs, summary = cleaned(step)
    assert outputs == {}
    assert f"Nothing is posted: {len([p for p in pulls if p['head']['sha'] == SHA])} open" in summary
    assert not (tmp_path / "comment.md").exists()


def test_a_workflow_of_the_same_name_is_not_followed(step, tmp_path):
    """A pull request may add a workflow file that calls itself `pull-request` and always succeeds."""
    event = finished_run(SHA)
    event["workflow_run"]["path"] = ".github/workflows/mine.yml"
    step.event.write_text(json.dumps(event))
    assert (
        {},
        "Nothing is posted: the run has the name of .github/workflows/pull-request.yml but is of another file.",
    ) == (cleaned(step))
    assert not (tmp_path / "comment.md").exists()


@pytest.mark.parametrize(
    "report",
    [
        b"<script>x</script> @octocat fixes #1 ![](https://evil.test/x.png) <details>",
        b"\xff\xfe@octocat\x00",
        b'![](https://cml.dev/watermark.png#abc "CML watermark mlops-verdict")',
        b"@octocat " * 100_000,
    ],
    ids=["markup", "not UTF-8", "watermark", "long"],
)
def test_a_hostile_report_is_only_text(stub, step, tmp_path, report):
    """What the pull request's code wrote can be read and does nothing."""
    stub.artifact(12, zipped(report_md=report))
    cleaned(step)
    text = (tmp_path / "comment.md").read_text()
    assert acting(text) == []
    assert len(text) < 65_300


@pytest.mark.parametrize(
    "data",
    [
        zipped(report_md=b"\0" * 10_000_000),
        zipped(report_md=b"\0" * 10_000_000).replace(struct.pack("<L", 10_000_000), struct.pack("<L", 10)),
        zipped(**{"../report.md": b"x"}),
        b"no zip",
    ],
    ids=["bomb", "lying bomb", "path", "no zip"],
)
def test_a_report_that_cannot_be_used_is_named(stub, step, tmp_path, data):
    """The comment is posted all the same, with the reason in place of the report."""
    stub.artifact(12, data)
    assert cleaned(step)[0]["number"] == "7"
    assert LABEL in (tmp_path / "comment.md").read_text()
    assert "No report: " in (tmp_path / "comment.md").read_text().split(LABEL)[1]


def test_a_passing_failure_of_the_api_is_survived(stub, step):
    """A 502 in the middle changes nothing."""
    stub.faults.append(Fault("pulls", 502))
    assert cleaned(step)[0]["number"] == "7"


def test_a_missing_grant_is_an_error(stub, step):
    """A job without the grant stops with its name instead of posting half a comment."""
    stub.tokens["ghs_clean"] = {"actions": "read"}
    with pytest.raises(CannotRun, match="grant pull_requests=read"):
        cleaned(step)
    stub.refused.clear()


@pytest.mark.parametrize(
    "event", ["", "{}", '{"workflow_run": {"id": "x"}}', '{"workflow_run": {"id": 1, "head_sha": "z"}}']
)
def test_another_event_is_an_error(step, event):
    """Anything but a finished run with a commit is refused."""
    step.event.write_text(event)
    with pytest.raises(CannotRun, match="workflow_run"):
        cleaned(step)
