"""The day is one line, in one ticket that is opened, kept, closed and opened again, and in a chat."""

import re

import pytest

from github_stub import SHA, Fault, GitHubStub, pull
from mlops.cli import main as mlops
from mlops.drift import tell
from mlops.files import write_text
from mlops.paths import DRIFT_REPORT, RETRAIN_REPORT
from tickets import issues

MARK = "<!-- mlops ticket: the rows that come -->"
MEND = "[NO TRAIN, the rows are at fault]"
RUN = "https://github.com/acme/loans/actions/runs/7"


@pytest.fixture
def stub(monkeypatch, tmp_path):
    """The API, named as a workflow step names it, and a token that may write issues and read pull requests."""
    monkeypatch.chdir(tmp_path)
    with issues(GitHubStub(), "ghs_tell") as running:
        running.tokens["ghs_tell"]["pull-requests"] = "read"
        for name, value in {
            "GITHUB_REPOSITORY": running.repository, "GITHUB_TOKEN": "ghs_tell", "GITHUB_API_URL": running.url,
            "GITHUB_SERVER_URL": "https://github.com", "GITHUB_RUN_ID": "7",
        }.items():  # fmt: skip
            monkeypatch.setenv(name, value)
        for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"):
            monkeypatch.delenv(name, raising=False)
        yield running


@pytest.fixture
def told(stub, capsys):
    """A function: answer, why -> what the verb says, line by line."""

    def run(answer: str, why: str = "") -> list[str]:
        assert 0 == mlops(["tell", "--answer", answer, "--why", why])
        return capsys.readouterr().out.splitlines()[:-1]

    return run


def proposed(stub, number: int = 12, **more) -> None:
    """Let a retrain's pull request be there."""
    stub.pulls.append(pull(number, SHA, "retrain/prod") | more)


def comments(stub) -> list[str]:
    """What was said in the ticket."""
    return [each["body"] for each in stub.comments.get(1, [])]


@pytest.mark.parametrize(
    ("answer", "why", "line"),
    [
        ("mend", "the rows are at fault, so ...", MEND),
        ("retrain", "it is not better", "[NO RETRAIN, drift] it is not better"),
        ("retrain", "", "[NO RETRAIN, drift]"),
        ("quiet", "quiet, so ...", "[OK] [NO TRAIN, no drift]"),
        ("too few rows", "too few rows, so ...", "[OK] [NO TRAIN, too few rows]"),
        ("past", "2026-11-23 was looked at already", "[OK] [NO TRAIN, a later day was looked at already]"),
    ],
)
def test_the_day_is_one_line(told, answer, why, line):
    """The first that the verb says, and then that no chat is named."""
    assert [line, "webhook: not configured (ALERT_WEBHOOK)"] == told(answer, why)[:2]


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        ("retrain", "[RETRAIN #12] why not"),
        ("mend", f"{MEND}, #12 is open"),
        ("quiet", "[OK] [NO TRAIN, no drift], #12 is open"),
        ("too few rows", "[OK] [NO TRAIN, too few rows], #12 is open"),
    ],
)
def test_an_open_pull_request_of_a_retrain_is_in_the_line(stub, told, answer, line):
    """By its number: it waits, whatever the day is like."""
    proposed(stub)
    assert line == told(answer, "why not")[0]


@pytest.mark.parametrize("said", ["#12 proposes: Retrain", "#12 still proposes: Retrain"])
def test_what_was_done_about_the_pull_request_is_no_part_of_the_line(stub, told, said):
    """It would be another line each time that main moves."""
    proposed(stub)
    assert "[RETRAIN #12]" == told("retrain", said)[0]


@pytest.mark.parametrize("more", [{"state": "closed"}, {"head": {"ref": "other", "user": {"login": "acme"}}}])
def test_a_closed_pull_request_or_another_is_not(stub, told, more):
    """Then there is none of a retrain."""
    proposed(stub, **more)
    assert "[NO RETRAIN, drift] why" == told("retrain", "why")[0]


@pytest.mark.parametrize(
    ("answer", "title"), [("mend", "The rows that come are at fault"), ("retrain", "The rows that come have changed")]
)
def test_where_something_is_to_be_done_a_ticket_is_opened(stub, told, answer, title):
    """With the line, the run and both reports."""
    write_text(RETRAIN_REPORT, "# Retrain\n\nnot better\n")
    write_text(DRIFT_REPORT, "# Drift\n\ndebt\n")
    assert "tell: #1 is opened" == told(answer)[-1]
    (made,) = stub.issues
    line = tell.LINES.get(answer, "[NO RETRAIN, drift]")
    assert title == made["title"]
    assert f"{MARK}\n**{line}**\n\n{RUN}\n\n# Retrain\n\nnot better\n\n\n# Drift\n\ndebt\n" == made["body"]


@pytest.mark.parametrize("answer", ["quiet", "past", "too few rows"])
def test_where_nothing_is_to_be_done_none_is_opened(stub, told, answer):
    """As on most days."""
    assert "tell: no ticket is open, and none is needed" == told(answer)[-1]
    assert [] == stub.issues


def test_the_same_line_again_is_no_news(stub, told):
    """The reports are today's, and nobody gets mail."""
    told("mend")
    write_text(DRIFT_REPORT, "# Drift of today\n")
    assert "tell: #1 says what is so today" == told("mend")[-1]
    assert (1, []) == (len(stub.issues), comments(stub))
    assert stub.issues[0]["body"].endswith("# Drift of today\n")


@pytest.mark.parametrize("state", ["open", "closed"])
def test_the_same_line_with_other_figures_is_no_news(stub, told, chat, state):
    """Each day has its own: no comment, no line in the chat, and what a person has closed stays closed."""
    told("retrain", "main is at 4f5e6d by now, and it is +0.0012 better (2026-09)")
    stub.issues[0]["state"] = state
    told("retrain", "main is at 9a8b7c by now, and it is -0.0104 better (2026-10)")
    assert (state, [], 1) == (stub.issues[0]["state"], comments(stub), len(chat.heard))
    assert ("2026-10" if state == "open" else "2026-09") in stub.issues[0]["body"].split("**")[1]


def test_another_pull_request_is_news_though_it_is_but_a_number(stub, told):
    """People have to look at it."""
    proposed(stub, 12, state="closed")
    proposed(stub, 13)
    told("retrain")
    stub.pulls[1]["state"] = "closed"
    proposed(stub, 14)
    told("retrain")
    assert ["[RETRAIN #14]"] == comments(stub)


def test_another_line_is_said_in_a_comment(stub, told):
    """The ticket is the same, with another title."""
    told("mend")
    assert "tell: #1 says what is so today" == told("retrain", "it is not better")[-1]
    assert (1, ["[NO RETRAIN, drift] it is not better"]) == (len(stub.issues), comments(stub))
    assert "The rows that come have changed" == stub.issues[0]["title"]


def test_a_pull_request_that_was_opened_is_another_line(stub, told):
    """So people hear of it in the ticket."""
    told("retrain", "main has moved on")
    proposed(stub)
    told("retrain")
    assert ["[RETRAIN #12]"] == comments(stub)


def test_a_quiet_day_closes_it(stub, told):
    """With the line; the next one has nothing to close."""
    told("mend")
    assert "tell: #1 is closed" == told("quiet")[-1]
    line = "[OK] [NO TRAIN, no drift]"
    assert ("closed", [line]) == (stub.issues[0]["state"], comments(stub))
    assert stub.issues[0]["body"].startswith(f"{MARK}\n**{line}**\n")
    assert "tell: no ticket is open, and none is needed" == told("quiet")[-1]
    assert [line] == comments(stub)


@pytest.mark.parametrize("answer", ["past", "too few rows"])
def test_a_day_that_says_nothing_leaves_it_open(stub, told, answer):
    """Too few rows are no sign that all is well."""
    told("mend")
    before = dict(stub.issues[0])
    assert "tell: #1 stays as it is" == told(answer)[-1]
    assert (before, []) == (stub.issues[0], comments(stub))


def test_it_is_opened_again_and_not_beside_the_last_one(stub, told):
    """One ticket for ever."""
    for answer in ("mend", "quiet", "mend"):
        told(answer)
    assert [("open", MEND)] == [(each["state"], each["body"].split("**")[1]) for each in stub.issues]
    assert ["[OK] [NO TRAIN, no drift]", MEND] == comments(stub)


def test_what_a_person_has_closed_stays_closed_while_the_line_is_the_same(stub, told, chat):
    """They know; neither ticket nor chat says it again."""
    told("mend")
    stub.issues[0]["state"] = "closed"
    before = dict(stub.issues[0])
    assert "tell: #1 says the same, and a person has closed it" == told("mend")[-1]
    assert (before, [], 1) == (stub.issues[0], comments(stub), len(chat.heard))


def test_after_a_quiet_day_it_is_opened_again_whoever_has_closed_it(stub, told, chat):
    """The same fault a month later is news."""
    told("mend")
    stub.issues[0]["state"] = "closed"
    assert "tell: no ticket is open, and none is needed" == told("quiet")[-1]
    assert [] == comments(stub)
    assert "tell: #1 says what is so today; webhook: the chat was told" == told("mend")[-1]
    assert ("open", 2) == (stub.issues[0]["state"], len(chat.texts))


def test_another_line_opens_what_a_person_has_closed(stub, told, chat):
    """That is news."""
    told("mend")
    stub.issues[0]["state"] = "closed"
    assert "tell: #1 says what is so today; webhook: the chat was told" == told("retrain", "why")[-1]
    assert ("open", 1, 2) == (stub.issues[0]["state"], len(stub.issues), len(chat.heard))


def test_a_ticket_is_a_bots_own(stub, told):
    """A person's issue that quotes its mark is left alone."""
    body = f"{MARK}\n**{MEND}**"
    stub.issues.append({"number": 1, "state": "open", "user": {"login": "ann"}, "title": "t", "body": body})
    assert "tell: #2 is opened" == told("mend")[-1]
    assert body == stub.issues[0]["body"]


def test_the_chat_hears_the_line_with_the_run_and_the_ticket_keeps_the_stamp(stub, told, chat):
    """Once in four hours, however often the workflow runs; by its mark the ticket is still found."""
    assert [MEND, "tell: #1 is opened; webhook: the chat was told"] == told("mend")
    (stamp,) = re.findall("<!-- told .*-->", stub.issues[0]["body"])
    assert stub.issues[0]["body"].startswith(MARK + stamp)
    assert told("mend")[-1].startswith("tell: #1 says what is so today; webhook: told at ")
    assert ([f"acme/loans: {MEND} {RUN}"], True) == (chat.texts, stamp in stub.issues[0]["body"])


@pytest.mark.parametrize("answer", ["quiet", "too few rows"])
def test_of_a_day_on_which_nothing_is_to_be_done_the_chat_hears_nothing(told, chat, answer):
    """Nor that no chat is named."""
    assert "webhook" not in "".join(told(answer))
    assert [] == chat.heard


@pytest.mark.parametrize("fault", ["GET .*/issues", "POST .*/issues"])
def test_where_issues_are_off_it_is_said_and_the_chat_hears_it(stub, told, chat, fault):
    """GitHub answers 410, to the question or to the new issue."""
    stub.faults.append(Fault(fault, 410))
    gone = "tell: no issue is kept, because Issues are off in this repository's settings"
    assert f"{gone}; webhook: the chat was told" == told("mend")[-1]
    assert f"acme/loans: {MEND}" in chat.texts


def test_where_issues_are_off_a_quiet_day_is_no_line_in_the_chat(stub, told, chat):
    """Nothing is to be done."""
    stub.faults.append(Fault("GET .*/issues", 410))
    assert told("quiet")[-1].endswith("because Issues are off in this repository's settings")
    assert [] == chat.heard


@pytest.mark.parametrize("status", [403, 500])
def test_what_else_github_refuses_is_an_error(stub, capsys, status):
    """Nobody would be told."""
    stub.faults.append(Fault("GET .*/issues", status))
    assert 2 == mlops(["tell", "--answer", "mend"])
    assert f"GitHub answered {status} to GET issues" in capsys.readouterr().err


def test_an_answer_that_is_none_is_an_error(stub, capsys):
    """It is named, with those that there are."""
    with pytest.raises(SystemExit, match="2"):
        mlops(["tell", "--answer", "perhaps"])
    assert "invalid choice: 'perhaps' (choose from 'retrain', 'mend', 'quiet'" in capsys.readouterr().err
    assert [] == stub.issues


def test_a_ticket_is_never_longer_than_github_takes(stub, told):
    """The line comes first, and stays."""
    write_text(RETRAIN_REPORT, "é" * 40_000)
    write_text(DRIFT_REPORT, "d" * 40_000)
    told("mend")
    assert (tell.LONGEST, True) == (len(stub.issues[0]["body"]), f"**{MEND}**" in stub.issues[0]["body"])
    assert tell.LONGEST < 65_536
