"""The step comment-post, run as comment.yml runs it, against the strict API."""

import hashlib
import sys

import pytest

from github_stub import SHA, Fault, pull
from mlops.comment import cml, post
from mlops.errors import CannotRun

MARKED = '\n\n![](https://cml.dev/watermark.png#abc123 "CML watermark mlops-verdict")'


@pytest.fixture
def posted(step, tmp_path, monkeypatch):
    """Posts a text and gives the step summary; no CML unless `pin` names the hash of the one on PATH."""
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

    def run(text="# Verdict: pass\n", pin=None, number="7", sha=SHA):
        (tmp_path / "comment.md").write_text(text)
        pin_file = tmp_path / "cml.sha256"
        if pin:
            pin_file.write_text(f"{pin}  cml-linux-x64\n")
        words = ("comment.md", "--number", number, "--head-sha", sha, "--pin", str(pin_file))
        code, _, summary = step(post, "ghs_post", *words)
        assert code == 0
        return summary

    return run


@pytest.fixture
def pin(cml_program):
    return hashlib.sha256(cml_program.read_bytes()).hexdigest()


def agents(stub) -> set[str]:
    return {call.headers["user-agent"].split("/")[0] for call in stub.log if call.method != "GET"}


def bodies(stub) -> list[str]:
    return [comment["body"] for comment in stub.comments[7]]


def test_the_first_comment_is_created(stub, posted):
    """Without CML the API makes the comment, marked as CML would mark it."""
    assert "cml.sha256 is not there (`make pin-cml` writes it)" in posted()
    assert [f'# Verdict: pass\n\n\n![](https://cml.dev/watermark.png#{SHA} "CML watermark mlops-verdict")'] == bodies(
        stub
    )


def test_the_second_run_updates_it(stub, posted):
    """A later run changes the one comment, also behind a page of others."""
    posted()
    for _ in range(120):
        stub.comment(7, "talk", "someone")
    posted("# Verdict: fail\n")
    assert len(stub.comments[7]) == 121
    assert bodies(stub)[0].startswith("# Verdict: fail\n")


def test_cml_carries_the_text(stub, posted, pin):
    """With the pinned bytes CML does it, and sees neither the job's secrets nor its token's usual name."""
    assert f"posted by CML {cml.VERSION}" in posted(pin=pin)
    assert agents(stub) == {"cml-standin"}


def test_both_ways_meet_in_one_comment(stub, posted, pin):
    """Whichever way the last run took, the next finds its comment."""
    for way in (None, pin, "0" * 64, pin):
        posted(f"by {way}", pin=way)
    assert len(stub.comments[7]) == 1
    assert bodies(stub)[0].startswith(f"by {pin}")


def test_a_pinned_cml_that_is_not_there_is_made_good(stub, posted):
    """Where the download failed the API does it."""
    assert "posted by the API: CML is not there" in posted(pin="0" * 64)
    assert agents(stub) == {"Python-urllib"}


def test_other_bytes_are_never_run(stub, posted, cml_program, tmp_path):
    """A CML of another sha256 is left alone, and the summary says both."""
    cml_program.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    assert f"CML's sha256 is {hashlib.sha256(cml_program.read_bytes()).hexdigest()}, and" in posted(pin="0" * 64)
    assert not (tmp_path / "ran").exists()
    assert agents(stub) == {"Python-urllib"}


@pytest.mark.usefixtures("cml_program")
@pytest.mark.parametrize("content", [None, ""])
def test_without_a_pin_cml_is_never_run(stub, posted, tmp_path, content):
    """No hash in the repository, or an empty file: the API."""
    if content is not None:
        (tmp_path / "cml.sha256").write_text(content)
    assert "posted by the API" in posted()
    assert agents(stub) == {"Python-urllib"}


@pytest.mark.parametrize("written", [True, False])
def test_a_cml_that_fails_is_made_good(stub, posted, cml_program, tmp_path, written):
    """Where CML fails the API does it, in the same comment if CML had made one."""
    real = cml_program.rename(tmp_path / "real")
    cml_program.write_text(f"#!/bin/sh\n{f'{sys.executable} {real} $@' if written else ''}\nexit 1\n")
    cml_program.chmod(0o755)
    pin = hashlib.sha256(cml_program.read_bytes()).hexdigest()
    assert "posted by the API: CML failed" in posted(pin=pin)
    assert len(stub.comments[7]) == 1


def test_a_copied_watermark_is_not_followed(stub, posted, pin):
    """Somebody else's comment with our mark is never changed; CML, which would take it, is not used."""
    stub.comment(7, f"mine{MARKED}")
    spoof = stub.comment(7, f"spoof{MARKED}", "mallory")
    assert "another's carries our watermark" in posted(pin=pin)
    assert spoof["body"] == f"spoof{MARKED}"
    assert bodies(stub)[0].startswith("# Verdict: pass")


def test_a_copied_watermark_alone_is_not_followed(stub, posted, pin):
    """Where only the copy is there, our comment is made beside it."""
    stub.comment(7, f"spoof{MARKED}", "mallory")
    posted(pin=pin)
    assert [f"spoof{MARKED}", "# Verdict: pass"] == [body.split("\n\n\n")[0] for body in bodies(stub)]


def test_a_comment_that_cml_cannot_see_is_not_doubled(stub, posted, pin):
    """CML reads 30 comments; behind them it would make a second one."""
    for _ in range(35):
        stub.comment(7, "talk", "someone")
    stub.comment(7, f"ours{MARKED}")
    assert "too far down" in posted(pin=pin)
    assert len(stub.comments[7]) == 36


@pytest.mark.parametrize(
    ("now", "says"),
    [(pull(7, "c" * 40), "a newer commit"), (pull(7, SHA) | {"state": "closed"}, "is closed")],
)
def test_an_outdated_verdict_is_not_posted(stub, posted, pin, now, says):
    """The pull request is looked at again: a new head commit, or a closed one, gets no comment."""
    stub.pulls = [now]
    assert says in posted(pin=pin)
    assert stub.calls() == ["GET pulls/7"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"number": "7/../8"},
        {"number": "0"},
        {"number": ""},
        {"sha": "main"},
        {"text": f"x{MARKED}"},
        {"text": "x" * 65_400},
    ],
)
def test_what_clean_cannot_have_made_is_refused(posted, wrong):
    """A number that is none, a commit that is none, a marked or an endless text: nothing is asked of the API."""
    with pytest.raises(CannotRun):
        posted(**wrong)


def test_a_missing_grant_is_an_error(stub, posted):
    """A token that may not write is named."""
    stub.tokens["ghs_post"] = {"pull-requests": "read"}
    with pytest.raises(CannotRun, match="grant pull_requests=write"):
        posted()
    stub.refused.clear()


def test_a_rate_limit_is_waited_for(stub, posted):
    """A comment that met a rate limit is made after it, once."""
    stub.faults.append(Fault("POST", 403, headers={"Retry-After": "0"}))
    posted()
    assert len(stub.comments[7]) == 1


def test_the_workflow_downloads_what_is_pinned(workflow):
    """comment.yml asks for the release and the file that `pin-cml` hashes."""
    steps = [step.get("run", "") for step in workflow["jobs"]["post"]["steps"]]
    assert [run for run in steps if f"download {cml.VERSION} --repo iterative/cml --pattern {cml.ASSET} " in run]
