"""GitHub's REST API and a workflow step's own files (outputs, summary), by the standard library alone."""

import http.client
import json
import os
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from mlops.errors import CannotRun

PUBLIC_API = "https://api.github.com"
ATTEMPTS, TIMEOUT, LONGEST_WAIT = 4, 30, 60  # tries, seconds for an answer, seconds to wait for a rate limit's end
LARGEST_JSON = 20_000_000  # bytes
FIXES = {
    401: "GITHUB_TOKEN is not valid (any more): pass the job's own token.",
    403: "the token may not do this: grant {needed} in the job's permissions.",
    404: "not found, or the token may not read it: check GITHUB_REPOSITORY and the job's permissions.",
}


class GitHubError(CannotRun):
    """GitHub refused a request; `status` is its HTTP status (0: no answer that could be used), `reason` what it says itself."""

    def __init__(self, sentence: str, status: int = 0, reason: str = ""):
        super().__init__(sentence)
        self.status, self.reason = status, reason


class TooLarge(GitHubError):
    """The answer is larger than the caller allows."""


@dataclass(frozen=True)
class GitHub:
    """One repository through the API; a path is below `repos/{repository}/`, or below the API where it opens with `/`.

    Every call raises GitHubError with one sentence. What can be repeated safely (GET, PATCH) is tried four times on
    502, 503, 504 and broken connections; any request is tried again after a rate limit that ends within a minute.
    """

    repository: str
    token: str = field(repr=False)
    api: str = PUBLIC_API
    backoff: float = 1.0  # seconds before the first repetition, doubled each time

    def get(self, path: str, **query: Any) -> Any:
        """The JSON document at `path`."""
        return self._json("GET", f"{path}?{urlencode(query)}" if query else path)[0]

    def pages(self, path: str, key: str = "", most: int = 100, **query: Any) -> Iterator[dict]:
        """The items of all pages of a list, 100 a page; `key` names the list where the answer is an object."""
        following = f"{path}?{urlencode({'per_page': 100, **query})}"
        for _ in range(most):
            items, headers = self._json("GET", following)
            yield from items[key] if key else items
            link = re.search(r'<([^>]+)>;\s*rel="next"', headers.get("Link") or "")
            if link is None:
                return
            following = link[1]
        raise GitHubError(f"{path} has more than {most} pages of 100 items: too many to read.")

    def post(self, path: str, body: dict) -> Any:
        """Creates something; never repeated on a 502, because GitHub may have done it all the same."""
        return self._json("POST", path, body)[0]

    def patch(self, path: str, body: dict) -> Any:
        """Changes something."""
        return self._json("PATCH", path, body)[0]

    def put(self, path: str, body: dict) -> Any:
        """Does something that can be done once (a merge); never repeated on a 502 either."""
        return self._json("PUT", path, body)[0]

    def graphql(self, query: str, **variables: Any) -> dict:
        """The `data` of a GraphQL query or mutation; what it answers in `errors`, with status 200, is raised."""
        answer = self.post(self._graphql, {"query": query, "variables": variables})
        if errors := answer.get("errors"):
            reason = "; ".join(each["message"] for each in errors)
            raise GitHubError(f"GitHub refused a GraphQL query: {reason}", 200, reason)
        return answer["data"]

    @property
    def _graphql(self) -> str:  # GitHub Enterprise Server: /api/v3 and /api/graphql
        return f"{self.api.removesuffix('/v3')}/graphql"

    def download(self, path: str, limit: int) -> bytes:
        """A file of at most `limit` bytes. GitHub redirects to its storage, which never receives the token."""
        return self._send("GET", path, limit=limit)[0]

    def _json(self, method: str, path: str, body: Any = None) -> tuple[Any, Mapping]:
        data, headers = self._send(method, path, body)
        try:
            return json.loads(data or b"null"), headers  # a dispatch is answered with nothing
        except ValueError:
            raise GitHubError(f"The answer to {method} {path} is not JSON: check GITHUB_API_URL.") from None

    def _send(self, method: str, path: str, body: Any = None, limit: int = LARGEST_JSON) -> tuple[bytes, Mapping]:
        request = self._request(method, path, body)
        for attempt in range(1, ATTEMPTS + 1):
            try:
                with _OPENER.open(request, timeout=TIMEOUT) as answer:
                    data = answer.read(limit + 1)
                break
            except (OSError, http.client.HTTPException) as error:
                wait = _wait(error, method, self.backoff * 2 ** (attempt - 1))
                if wait is None or attempt == ATTEMPTS:
                    raise _refusal(error, f"{method} {path}") from None
                time.sleep(wait)
        if len(data) > limit:
            raise TooLarge(f"{path} is larger than {limit:,} bytes, the most that is read.")
        return data, answer.headers

    def _request(self, method: str, path: str, body: Any) -> Request:
        below = "" if path.startswith("/") else f"/repos/{self.repository}/"
        url = path if "://" in path else self.api + below + path
        if url != self._graphql and not url.startswith(self.api + "/"):
            raise GitHubError(f"{url} is not below {self.api}: the token is not sent there.")
        request = Request(_safe(url), None if body is None else json.dumps(body).encode(), method=method)  # noqa: S310 -- _safe
        request.headers |= {"Accept": "application/vnd.github+json", "Content-type": "application/json"}
        # Unredirected: urllib leaves it out where the answer sends us to another address.
        request.add_unredirected_header("Authorization", f"Bearer {self.token}")
        return request


def from_environment(env: Mapping[str, str] = os.environ) -> GitHub:
    """The client that a workflow step describes by GITHUB_REPOSITORY, GITHUB_TOKEN and GITHUB_API_URL."""
    repository, token = env.get("GITHUB_REPOSITORY", ""), env.get("GITHUB_TOKEN", "")
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", repository):
        raise CannotRun(f"GITHUB_REPOSITORY is {repository!r}: set it to owner/name.")
    if not token:
        fix = (
            "pass the job's token in this step's env."
            if env.get("CI")
            else "`export GITHUB_TOKEN=$(gh auth token)`, a token that may read Actions and pull requests."
        )
        raise CannotRun(f"GITHUB_TOKEN is empty: {fix}")
    return GitHub(repository, token, _safe((env.get("GITHUB_API_URL") or PUBLIC_API).rstrip("/")))


def report(sentence: str, env: Mapping[str, str] = os.environ, **outputs: object) -> None:
    """Prints a sentence, adds it to the step summary, and sets step outputs (one line each, or ValueError)."""
    lines = [f"{name}={value}\n" for name, value in outputs.items()]
    if any(len(line.splitlines()) > 1 for line in lines):
        raise ValueError("a step output is one line: a second one would be read as another output")
    print(sentence)
    for variable, text in {"GITHUB_STEP_SUMMARY": f"{sentence}\n\n", "GITHUB_OUTPUT": "".join(lines)}.items():
        if env.get(variable):
            with Path(env[variable]).open("a", encoding="utf-8") as file:
                file.write(text)


def summary(text: str, env: Mapping[str, str] = os.environ) -> None:
    """Adds Markdown to the step summary, where there is one."""
    if env.get("GITHUB_STEP_SUMMARY"):
        with Path(env["GITHUB_STEP_SUMMARY"]).open("a", encoding="utf-8") as file:
            file.write(f"{text}\n\n")


def _safe(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost", "::1")):
        return url
    raise GitHubError(f"{parts.scheme}://{parts.hostname} is not https: only this machine itself may be plain http.")


class _SafeRedirects(HTTPRedirectHandler):
    def redirect_request(self, req, fp, code, msg, headers, newurl):
        return super().redirect_request(req, fp, code, msg, headers, _safe(newurl))


_OPENER = build_opener(_SafeRedirects)


def _wait(error: Exception, method: str, backoff: float) -> float | None:
    """Seconds until the next try; None where another try is no use, or not safe."""
    if isinstance(error, HTTPError) and (seconds := _limit_ends_in(error)) is not None:
        return seconds if seconds <= LONGEST_WAIT else None
    passing = not isinstance(error, HTTPError) or error.code in (502, 503, 504)
    return backoff if passing and method not in ("POST", "PUT") else None


def _limit_ends_in(error: HTTPError) -> float | None:
    """Seconds until a rate limit ends; None where the refusal is not a rate limit."""
    after, reset = error.headers.get("retry-after", ""), error.headers.get("x-ratelimit-reset", "")
    spent = after or error.headers.get("x-ratelimit-remaining") == "0"
    if error.code != 429 and not (error.code == 403 and spent):
        return None
    if after.isdigit():
        return float(after)
    return max(0.0, float(reset) - time.time()) if reset.isdigit() else float(LONGEST_WAIT)


def _refusal(error: Exception, what: str) -> GitHubError:
    if not isinstance(error, HTTPError):
        return GitHubError(f"No answer to {what} ({error}): check the network and GITHUB_API_URL.")
    needed = error.headers.get("x-accepted-github-permissions") or "the permission that this request needs"
    reason = _reason(error.read(4000)) or "no reason given."
    fix = FIXES.get(error.code, reason).replace("{needed}", needed)
    if (seconds := _limit_ends_in(error)) is not None:
        fix = f"the rate limit ends in {seconds:.0f} s: run this job again then."
    return GitHubError(f"GitHub answered {error.code} to {what}: {fix}", error.code, reason)


def _reason(body: bytes) -> str:
    """What GitHub itself says: the messages of its JSON, or the text of whoever answered in its place."""
    text = body.decode("utf-8", "replace")
    with suppress(ValueError, AttributeError, KeyError, TypeError):
        answer = json.loads(text)
        text = "; ".join(
            [answer["message"], *(each["message"] for each in answer.get("errors", []) if "message" in each)]
        )
    return " ".join(text.split())[:300]
