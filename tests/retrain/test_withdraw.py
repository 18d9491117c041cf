"""The pull request of a retrain that has no reason any more is closed, where it is the bot's alone."""

import pytest

from mlops.cli import main as mlops
from mlops.delivery import proposal
from mlops.github import GitHub
from mlops.retrain.made import ASKED
from retrain_cases import TITLE, files

BRANCH = "retrain/prod"
WHY = "quiet, so nothing is to be done"


@pytest.fixture
def proposed(stub, remote):
    """The pull request."""
    hub = GitHub(stub.repository, "ghs_bot", stub.url)
    proposal.propose(hub, proposal.Proposal(BRANCH, TITLE, "What it is.\n", files()), proposal.fetched(hub))
    return stub.pulls[0]


def run(by: str = "reasonless") -> int:
    """Run the verb."""
    return mlops(["withdraw", "--by", by, "--why", WHY])


def test_it_is_closed_with_the_reason(stub, remote, proposed, capsys):
    """Once; its title says that no person has closed it, so that it may be proposed again."""
    before = remote.head(BRANCH)
    assert 0 == run()
    assert ("closed", f"Outdated: {TITLE}") == (proposed["state"], proposed["title"])
    assert [f"Closed by the bot as outdated: {WHY}."] == [each["body"] for each in stub.comments[100]]
    assert (0, before) == (run(), remote.head(BRANCH))
    first, _, second, _ = capsys.readouterr().out.splitlines()
    assert (True, "withdraw: nothing is proposed") == (first.startswith("withdraw: #100 "), second)
    assert 1 == len(stub.comments[100])


def test_what_a_person_has_committed_to_is_theirs(stub, remote, proposed, capsys):
    """It stays open, without a comment."""
    remote.commit(BRANCH, {"src/a.py": "2\n"})
    assert 0 == run()
    assert ("open", TITLE, {}) == (proposed["state"], proposed["title"], stub.comments)
    assert "withdraw: #100 has a commit of a person's, and stays\n" in capsys.readouterr().out


@pytest.mark.parametrize(("by", "state"), [("reasonless", "open"), ("settled", "closed")])
def test_what_a_person_has_asked_for_stays_until_main_has_it(stub, remote, proposed, by, state):
    """No day is quiet enough to close it."""
    proposed["body"] = f"{ASKED}\n{proposed['body']}"
    assert (0, state) == (run(by), proposed["state"])


def test_what_a_person_has_opened_again_stays(stub, remote, proposed, capsys):
    """By its title the bot has closed it once."""
    assert 0 == run()
    proposed["state"] = "open"
    assert (0, "open") == (run(), proposed["state"])
    assert "withdraw: #100 was reopened by a person, and stays\n" in capsys.readouterr().out


def test_what_is_no_reason_is_refused(capsys):
    """`retrain` has two."""
    with pytest.raises(SystemExit, match="2"):
        run("a whim")


def test_where_none_is_open_nothing_is_done(stub, capsys):
    """As on most quiet days."""
    assert 0 == run()
    assert "withdraw: nothing is proposed\n" in capsys.readouterr().out
    assert ["GET pulls"] == stub.calls()
