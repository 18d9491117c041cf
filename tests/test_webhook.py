"""A chat hears a line once in four hours, whoever asks; its address is in no sentence."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from mlops import webhook

TEXT, LINK = "prod is beyond a limit", "https://github.com/acme/loans/actions/runs/7"
TOLD = "webhook: the chat was told"
HIDDEN = "s3cr3t"


@pytest.fixture(autouse=True)
def _repository(monkeypatch):
    """A workflow's step, in a repository."""
    monkeypatch.setenv("GITHUB_REPOSITORY", "acme/loans")


def stamped(stamp: str, age: timedelta) -> str:
    """A ticket with the stamp of a line as it would be after so long."""
    when = (datetime.now(UTC) - age).isoformat(timespec="seconds")
    return f"Failed: **verify**\n{re.sub(r'told [^ ]+', f'told {when}', stamp)}\nmore"


def test_a_line_is_sent_with_its_link_and_the_repository(chat):
    """As a JSON object with `text`; the ticket keeps a stamp of it."""
    stamp, said = webhook.told(TEXT, "", LINK)
    assert TOLD == said
    assert [("application/json", {"text": f"acme/loans: {TEXT} {LINK}"})] == chat.heard
    assert re.fullmatch(r"<!-- told \S+\+00:00 [0-9a-f]{12} -->", stamp)


def test_outside_a_repository_it_is_the_line_alone(chat, monkeypatch):
    """As on a laptop."""
    monkeypatch.delenv("GITHUB_REPOSITORY")
    assert TOLD == webhook.send(TEXT)
    assert [TEXT] == chat.texts


@pytest.mark.parametrize("age", [0, 1, 3.9])
def test_the_same_line_is_not_sent_again_within_four_hours(chat, age):
    """The ticket keeps the stamp that it has, whatever link there is now."""
    before = stamped(webhook.told(TEXT, "", LINK)[0], timedelta(hours=age))
    stamp, said = webhook.told(TEXT, before, "another link")
    assert stamp in before
    assert said.startswith("webhook: told at ")
    assert 1 == len(chat.heard)


@pytest.mark.parametrize("age", [4, 5, 100])
def test_after_four_hours_it_is_sent_again(chat, age):
    """With a new stamp."""
    before = stamped(webhook.told(TEXT, "")[0], timedelta(hours=age))
    stamp, said = webhook.told(TEXT, before)
    assert (TOLD, 2) == (said, len(chat.heard))
    assert stamp not in ("", *re.findall("<.*>", before))


def test_another_line_is_sent_at_once(chat):
    """And has a stamp of its own."""
    first, _ = webhook.told(TEXT, "")
    second, said = webhook.told("staging is beyond a limit", first)
    assert (TOLD, 2) == (said, len(chat.heard))
    assert first.split()[-2] != second.split()[-2]


def test_a_line_of_the_same_kind_is_the_same_line(chat):
    """With another figure it is no news; of another kind it is."""
    first, _ = webhook.told("3 rows are wrong", "", kind="rows are wrong")
    assert first == webhook.told("4 rows are wrong", first, kind="rows are wrong")[0]
    assert (["acme/loans: 3 rows are wrong"], TOLD) == (chat.texts, webhook.told("4 rows are wrong", first)[1])


@pytest.mark.parametrize("when", ["yesterday", "2026-11-22", "2026-11-22T08:00:00", "2999-01-01T00:00:00+00:00", ""])
def test_a_stamp_that_a_person_has_mangled_silences_nobody(chat, when):
    """It is no time, none of a zone, or one that is to come: the line is sent."""
    before = re.sub(r"told \S+", f"told {when}", webhook.told(TEXT, "")[0])
    stamp, said = webhook.told(TEXT, before)
    assert (TOLD, 2) == (said, len(chat.heard))
    assert stamp


@pytest.mark.parametrize("env", [{}, {"ALERT_WEBHOOK": ""}])
def test_where_no_chat_is_named_nothing_is_said(env):
    """Nor kept."""
    assert ("", "") == webhook.told(TEXT, "", LINK, env=env)
    assert "" == webhook.send(TEXT, env)


@pytest.mark.parametrize(
    "url",
    [
        f"http://chat.example.com/{HIDDEN}", f"ftp://127.0.0.1/{HIDDEN}", f"file:///{HIDDEN}", HIDDEN, f"https:///{HIDDEN}",
        f"http://127.0.0.1.example.com/{HIDDEN}", f"http://127.0.0.1@example.com/{HIDDEN}", f"http://[{HIDDEN}",
    ],
)  # fmt: skip
def test_an_address_that_others_could_read_or_that_is_none_is_refused(url):
    """Only this machine itself may be spoken to without TLS."""
    refusal = "webhook: ALERT_WEBHOOK is no https address, so nobody is told"
    assert ("", refusal) == webhook.told(TEXT, "", env={"ALERT_WEBHOOK": url})


@pytest.mark.parametrize("url", ["https://hooks.example.com/T0/B0/x", "https://chat:8443/x", "http://localhost:1/x"])
def test_an_address_with_tls_or_of_this_machine_is_taken(url):
    """Whoever its host is."""
    assert webhook._safe(url)


@pytest.mark.parametrize("status", [302, 307, 404, 500])
def test_a_chat_that_refuses_leaves_no_stamp(chat, status):
    """Its status is said and its address is not; the next run tries again. What it redirects to hears nothing."""
    chat.answers.append(status)
    stamp, said = webhook.told(TEXT, "", LINK)
    assert ("", f"webhook: nobody could be told (HTTPError {status})") == (stamp, said)
    assert (TOLD, 1) == (webhook.told(TEXT, stamp)[1], len(chat.heard))


def test_a_chat_that_speaks_no_http_leaves_no_stamp(chat):
    """And breaks nothing."""
    chat.answers.append(0)
    assert ("", "webhook: nobody could be told (BadStatusLine)") == webhook.told(TEXT, "")


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/{}", "https://127.0.0.1:1/{}", "https://127.0.0.1:{}/", "https://a/ {}"]
)
def test_a_chat_that_is_not_there_leaves_no_stamp(url):
    """Nobody listens, or it is no address after all; errors that quote it are not passed on."""
    stamp, said = webhook.told(TEXT, "", env={"ALERT_WEBHOOK": url.format(HIDDEN)})
    assert ("", True) == (stamp, said.startswith("webhook: nobody could be told ("))
    assert HIDDEN not in said
