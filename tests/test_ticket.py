"""A workflow that fails has one ticket: opened, kept up to date without noise, and closed by the run that is green."""

import argparse
import json
import re
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from github_stub import BOT, SHA, Fault
from mlops import ticket
from mlops.errors import CannotRun
from mlops.github import GitHub, GitHubError
from tickets import issues

TOKEN, RUN = "ghs_job", "https://github.com/acme/loans/actions/runs/{}"
MARK = "<!-- mlops ticket: release -->\n"
MARK_OF_GUARD = ticket.MARK.format("guard")


@pytest.fixture
def hub(stub, monkeypatch):
    """The API with issues, as a workflow step names it."""
    for name, value in {
        "GITHUB_REPOSITORY": stub.repository, "GITHUB_TOKEN": TOKEN, "GITHUB_API_URL": stub.url,
        "GITHUB_SERVER_URL": "https://github.com", "GITHUB_SHA": SHA,
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)
    stub.heads = {"main": SHA}.get
    return issues(stub, TOKEN)


@pytest.fixture
def told(hub, monkeypatch, capsys):
    """A function: run, how its jobs ended -> what the verb says; it never fails, since the jobs say so themselves."""

    def run(number: int, about: str = "release", **jobs: str) -> str:
        monkeypatch.setenv("GITHUB_RUN_ID", str(number))
        monkeypatch.setenv(
            "NEEDS", json.dumps({job: {"result": result, "outputs": {}} for job, result in jobs.items()})
        )
        parser = argparse.ArgumentParser()
        ticket.add_arguments(parser)
        assert 0 == ticket.run(parser.parse_args(["--about", about, "--hint", "See docs/delivery.md."]))
        return capsys.readouterr().out.strip()

    return run


def client(hub) -> GitHub:
    """The API as a job uses it."""
    return GitHub(hub.repository, TOKEN, hub.url)


def at_once(monkeypatch) -> None:
    """Let two requests that write wait for each other."""
    post, gate = GitHub.post, Barrier(2)
    monkeypatch.setattr(GitHub, "post", lambda *given: gate.wait(30) in (0, 1) and post(*given))


def comments(hub, number: int = 1) -> list[str]:
    """What was said in an issue."""
    return [each["body"] for each in hub.comments.get(number, [])]


def issue(hub, body: str, login: str = BOT, **more) -> dict:
    """Put an issue there."""
    number = 1 + len(hub.issues)
    hub.issues.append({"number": number, "state": "open", "user": {"login": login}, "title": "t", "body": body} | more)
    return hub.issues[-1]


def test_a_failure_opens_a_ticket(hub, told):
    """It names the jobs, the run and what may be done."""
    assert "ticket #1: verify, deploy failed" == told(
        7, plan="success", verify="failure", image="skipped", deploy="failure"
    )
    (made,) = hub.issues
    assert "release failed" == made["title"]
    assert made["body"].startswith(MARK)
    assert f"Failed: **verify, deploy** in {RUN.format(7)}\n\nSee docs/delivery.md.\n" in made["body"]


@pytest.mark.parametrize("result", ["failure", "cancelled", "timed_out", ""])
def test_whatever_is_neither_a_success_nor_skipped_has_failed(hub, told, result):
    """A job that ran out of time is cancelled."""
    assert "ticket #1: verify failed" == told(7, verify=result)


def test_where_nothing_failed_and_none_is_open_nothing_is_done(hub, told):
    """As on most days."""
    assert "ticket: none is open, and release is green" == told(7, plan="success", verify="skipped")
    assert ["GET issues"] == hub.calls()


def test_the_same_failure_again_is_no_news(hub, told):
    """The ticket names the newest run, and nobody gets mail."""
    told(7, verify="failure")
    assert "ticket #1: verify failed" == told(8, verify="failure")
    (made,) = hub.issues
    assert f"Failed: **verify** in {RUN.format(8)}" in made["body"]
    assert [] == comments(hub)


def test_another_failure_is_said_once(hub, told):
    """One comment each time other jobs fail."""
    told(7, verify="failure")
    for number in (8, 9):
        told(number, verify="success", deploy="failure")
    assert [f"Now failed: deploy, in {RUN.format(8)}"] == comments(hub)
    assert 1 == len(hub.issues)


def test_a_green_run_closes_the_ticket(hub, told):
    """And says which; the next failure opens another."""
    told(7, verify="failure")
    assert "ticket #1 is closed: all jobs are green again" == told(8, verify="success")
    assert ("closed", [f"Green again: {RUN.format(8)}"]) == (hub.issues[0]["state"], comments(hub))
    assert "ticket: none is open, and release is green" == told(9, verify="success")
    assert "ticket #2: verify failed" == told(10, verify="failure")


def test_an_old_run_that_is_green_closes_nothing(hub, told, monkeypatch):
    """Main is red, and an older release that runs again says nothing of it; main's own next run closes the ticket."""
    told(7, verify="failure")
    before = dict(hub.issues[0])
    monkeypatch.setenv("GITHUB_SHA", "b" * 40)
    wanted = "ticket: release is green at bbbbbbbb, but main is at aaaaaaaa: ticket #1 stays as it is"
    assert wanted == told(8, verify="success")
    assert (before, []) == (hub.issues[0], comments(hub))
    monkeypatch.setenv("GITHUB_SHA", SHA)
    assert "ticket #1 is closed: all jobs are green again" == told(9, verify="success")


def test_an_old_run_that_fails_says_nothing_of_main(hub, told, monkeypatch):
    """It opens no ticket and changes none; its own run is red."""
    monkeypatch.setenv("GITHUB_SHA", "b" * 40)
    state = "ticket: deploy failed at bbbbbbbb, but main is at aaaaaaaa"
    assert f"{state}: no ticket is opened" == told(7, deploy="failure")
    assert [] == hub.issues
    monkeypatch.setenv("GITHUB_SHA", SHA)
    told(8, verify="failure")
    before = dict(hub.issues[0])
    monkeypatch.setenv("GITHUB_SHA", "b" * 40)
    assert f"{state}: ticket #1 stays as it is" == told(9, deploy="failure")
    assert (before, []) == (hub.issues[0], comments(hub))


def test_of_two_that_are_opened_at_once_the_younger_gives_way(hub, monkeypatch):
    """Both runs looked before either had written; the run after them finds one."""
    at_once(monkeypatch)
    with ThreadPoolExecutor() as both:
        made = [*both.map(lambda run: ticket.make(client(hub), "guard", "guard failed", MARK_OF_GUARD + run), "12")]
    assert {(1, True), (1, False)} == {*made}
    assert ["open", "closed"] == [each["state"] for each in hub.issues]
    assert "The same as #1: guard failed" == hub.issues[1]["title"]


def test_one_that_is_opened_after_another_was_closed_stays(hub):
    """The older one is no longer open, so it gives way to nothing."""
    made = [ticket.make(client(hub), "guard", "guard failed", MARK_OF_GUARD)]
    hub.issues[0]["state"] = "closed"
    made.append(ticket.make(client(hub), "guard", "guard failed", MARK_OF_GUARD))
    assert [(1, True), (2, True)] == made
    assert "open" == hub.issues[1]["state"]


def test_one_that_the_list_does_not_show_yet_stays(hub):
    """GitHub's list may be behind: nothing is closed for what is not seen."""
    hub.faults.append(Fault("GET .*/issues$", 200, body=b"[]"))
    assert (1, True) == ticket.make(client(hub), "guard", "guard failed", MARK_OF_GUARD)
    assert (0, "open") == (hub.faults[0].times, hub.issues[0]["state"])


def test_where_main_cannot_be_read_the_ticket_stays(hub, told):
    """The token lacks a permission: that is an error."""
    told(7, verify="failure")
    hub.tokens[TOKEN]["contents"] = "none"
    with pytest.raises(GitHubError, match="GitHub answered 403 to GET git/ref/heads/main"):
        told(8, verify="success")
    assert "open" == hub.issues[0]["state"]
    hub.refused.clear()


def test_each_workflow_has_a_ticket_of_its_own(hub, told):
    """One that is green leaves the other's alone."""
    told(7, verify="failure")
    assert "ticket #2: compare failed" == told(8, "monitor", compare="failure")
    assert "ticket #2 is closed: all jobs are green again" == told(9, "monitor", compare="success")
    assert ["open", "closed"] == [each["state"] for each in hub.issues]


@pytest.mark.parametrize(
    ("body", "more"),
    [
        (f"{MARK}Failed: **verify**", {"login": "ann"}),
        (f"{MARK}Failed: **verify**", {"pull_request": {"url": "u"}}),
        (f"> {MARK}", {}),
        ("<!-- mlops ticket: release-2 -->", {}),
        (None, {}),
        (MARK, {"state": "closed"}),
    ],
    ids=["a person's", "a pull request", "a quotation", "another's", "an empty one", "a closed one"],
)
def test_what_only_looks_like_a_ticket_is_none(hub, told, body, more):
    """It is neither changed nor closed."""
    before = dict(issue(hub, body, **more))
    assert "ticket: none is open, and release is green" == told(7, verify="success")
    assert "ticket #2: verify failed" == told(8, verify="failure")
    assert (before, []) == (hub.issues[0], comments(hub))


def test_of_two_tickets_the_oldest_is_the_one(hub, told):
    """Two runs may have opened one each at the same moment."""
    issue(hub, "a bot's own words")
    for _ in range(2):
        issue(hub, f"{MARK}Failed: **verify**")
    assert "ticket #2: verify failed" == told(7, verify="failure")
    assert "ticket #2 is closed: all jobs are green again" == told(8, verify="success")
    assert "ticket #3 is closed: all jobs are green again" == told(9, verify="success")


def test_a_ticket_whose_text_a_person_took_out_is_still_one(hub, told):
    """As long as its mark is there: what it says is made anew."""
    issue(hub, MARK)
    assert "ticket #1: verify failed" == told(7, verify="failure")
    assert [f"Now failed: verify, in {RUN.format(7)}"] == comments(hub)


@pytest.mark.parametrize(
    ("asked", "result", "said"),
    [
        ("GET .*issues", "failure", "verify failed"),
        ("GET .*issues", "success", "nothing failed"),
        ("POST .*issues", "failure", "verify failed"),
    ],
)
def test_where_issues_are_off_it_is_said_and_no_error(hub, told, asked, result, said):
    """GitHub answers 410, to the question or to the new issue."""
    hub.faults.append(Fault(asked, 410, times=9))
    wanted = f"ticket: {said}; no issue is kept, because Issues are off in this repository's settings"
    assert wanted == told(7, verify=result)


@pytest.mark.parametrize("status", [403, 500])
def test_what_else_github_refuses_is_an_error(hub, told, status):
    """The token may lack a permission."""
    hub.faults.append(Fault("issues", status))
    with pytest.raises(GitHubError, match=f"GitHub answered {status} to GET issues"):
        told(7, verify="failure")


@pytest.mark.parametrize("needs", ["", "{}", "[]", "no JSON", '{"verify": "failure"}', '{"verify": {}}'])
def test_needs_that_name_no_job_are_an_error(hub, told, monkeypatch, needs):
    """They say neither that something failed nor that all is green, so the ticket stays."""
    told(7, verify="failure")
    monkeypatch.setenv("NEEDS", needs)
    parser = argparse.ArgumentParser()
    ticket.add_arguments(parser)
    with pytest.raises(CannotRun, match="NEEDS names no job and its result"):
        ticket.run(parser.parse_args(["--about", "release"]))
    assert "open" == hub.issues[0]["state"]


def test_the_chat_hears_of_a_failure_once(hub, told, chat):
    """With the run; the ticket keeps a stamp of it, and is found again by its mark before it."""
    assert "ticket #1: verify failed; webhook: the chat was told" == told(7, verify="failure")
    (stamp,) = re.findall("<!-- told .*-->", hub.issues[0]["body"])
    assert hub.issues[0]["body"].startswith(MARK.strip() + stamp)
    said = told(8, verify="failure")
    assert said.startswith("ticket #1: verify failed; webhook: told at ")
    assert [f"acme/loans: release failed: verify {RUN.format(7)}"] == chat.texts
    assert (1, True) == (len(hub.issues), stamp in hub.issues[0]["body"])


def test_the_chat_hears_of_another_failure_at_once(hub, told, chat):
    """And of one after a green run, which is another's ticket."""
    told(7, verify="failure")
    told(8, deploy="failure")
    told(9, deploy="success")
    told(10, deploy="failure")
    assert ["verify", "deploy", "deploy"] == [each.split()[-2] for each in chat.texts]
    assert ["closed", "open"] == [each["state"] for each in hub.issues]


def test_a_chat_that_is_away_is_told_by_the_next_run(hub, told, chat):
    """The ticket has no stamp, and says the failure all the same."""
    chat.answers.append(500)
    said = told(7, verify="failure")
    assert "ticket #1: verify failed; webhook: nobody could be told (HTTPError 500)" == said
    assert hub.issues[0]["body"].startswith(MARK)
    assert "ticket #1: verify failed; webhook: the chat was told" == told(8, verify="failure")
    assert [] == comments(hub)
