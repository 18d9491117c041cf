"""A line to a chat, where ALERT_WEBHOOK names one: a JSON object with `text`, as Slack, Mattermost and Teams' workflows take it."""

import hashlib
import http.client
import json
import os
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

TIMEOUT = 10  # seconds
COOLDOWN = timedelta(hours=4)
LOCAL = ("127.0.0.1", "localhost", "::1")
STAMP = "<!-- told {} {} -->"
HEARD = "the chat was told"
FAULTS = (OSError, ValueError, http.client.HTTPException)
TOLD = re.compile(r"<!-- told (\S+) (\w+) -->")


def told(
    text: str, before: str, link: str = "", kind: str = "", env: Mapping[str, str] = os.environ
) -> tuple[str, str]:
    """Send a line and a link, unless `before`, the ticket as it is, says that the same line was sent within four hours.

    kind: what makes it the same line, where that is less than all of it.
    Return what the ticket keeps of that, and a sentence that says what was done, "" where no chat is named. Another line is sent at once.
    """
    now, name = datetime.now(UTC), hashlib.sha256((kind or text).encode()).hexdigest()[:12]
    last = TOLD.search(before)
    if last and last[2] == name and abs(_age(last[1], now)) < COOLDOWN:
        return last[0], f"webhook: told at {last[1]}"
    said = send(f"{text} {link}".strip(), env)
    return (STAMP.format(now.isoformat(timespec="seconds"), name) if said.endswith(HEARD) else ""), said


def send(text: str, env: Mapping[str, str] = os.environ) -> str:
    """Send a line; return a sentence that says what came of it, "" where no chat is named.

    Nothing fails where nobody hears it: the ticket says it, too.
    """
    url = env.get("ALERT_WEBHOOK", "")
    if not url:
        return ""
    if not _safe(url):
        return "webhook: ALERT_WEBHOOK is no https address, so nobody is told"
    said = f"{env.get('GITHUB_REPOSITORY', '')}: {text}".removeprefix(": ")
    asked = Request(url, json.dumps({"text": said}).encode(), {"Content-type": "application/json"}, method="POST")  # noqa: S310 -- above
    try:
        with _OPENER.open(asked, timeout=TIMEOUT):
            return f"webhook: {HEARD}"
    except FAULTS as error:  # the address is a secret, and some errors quote it
        return f"webhook: nobody could be told ({type(error).__name__} {getattr(error, 'code', '')}".strip() + ")"


class _Stays(HTTPRedirectHandler):
    """Follows no redirect: it would come as a question without a body, which nobody hears."""

    def redirect_request(self, *_):
        """Refuse it."""
        return None


_OPENER = build_opener(_Stays)


def _safe(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOCAL))


def _age(stamp: str, now: datetime) -> timedelta:
    try:
        return now - datetime.fromisoformat(stamp)
    except (ValueError, TypeError):  # a person has written in the ticket
        return COOLDOWN
