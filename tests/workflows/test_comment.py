"""comment.yml, really run after each pull request was judged: what was posted, by the log of the API's stand-in."""

import pytest

pytestmark = pytest.mark.slow


def comment(pull_request):
    """The one comment on the pull request."""
    comments = pull_request.hub.comments[pull_request.number]
    assert 1 == len(comments)
    return comments[0]["body"]


def test_a_good_pull_request_reads_that_it_passes(good):
    """The comment is the report, below a line that says how the checks ended."""
    assert {"clean": "success", "post": "success"} == good[1].told.jobs
    assert "ended with: success" in comment(good[1])
    assert "This pull request passes" in comment(good[1])


def test_two_runs_write_one_comment(good):
    """The first run creates it, the second updates it; nothing else is written."""
    written = [call for call in good[1].hub.calls() if not call.startswith("GET ")]
    assert ["POST issues/7/comments", "PATCH issues/comments/1000"] == written


def test_only_the_job_post_writes(degraded):
    """All that clean asks for is read: what is written comes last, by post."""
    calls = degraded.hub.calls()
    assert ["POST issues/7/comments"] == [call for call in calls if not call.startswith("GET ")] == calls[-1:]


def test_a_degraded_pull_request_reads_what_got_worse(degraded):
    """The answer, the gate's name and the protected path that was touched."""
    body = comment(degraded)
    assert "ended with: failure" in body
    assert "This pull request FAILS" in body
    assert "ROC AUC against main" in body
    assert "- `data/contract.yaml`" in body


def test_a_broken_pull_request_reads_which_rule_the_data_breaks(broken):
    """There is a comment though the pipeline stopped: it names the column."""
    assert "This pull request FAILS" in comment(broken)
    assert "column 'age'" in comment(broken)


def test_a_hostile_report_arrives_as_text(hostile):
    """No HTML, no mention, no reference, no foreign link or image of the fork's report acts any more."""
    body = comment(hostile).replace(hostile.sha, "")  # CML's watermark ends with it, and some begin with 1
    assert "PASSES" in body
    for acts in ("<img", "<script", "@acme", "#1", "](https://evil", "![](https://evil"):
        assert acts not in body


def test_what_a_fork_cannot_write_stands_above(hostile):
    """How the checks ended and which protected paths are touched come from GitHub, above the label and the report."""
    above, label, below = comment(hostile).partition(
        "Everything below this line was made by the pull request's own code"
    )
    assert label
    assert "ended with: failure" in above
    assert "- `params.yaml`" in above
    assert "PASSES" in below
