"""A strict stand-in for GitHub's REST API on loopback: real HTTP, a state to look at, and a log of every request.

    with GitHubStub("acme/loans") as hub:
        hub.tokens["ghs_read"] = {"pull-requests": "read"}
        hub.pulls.append(pull(7, sha))
        ...  # anything that reads GITHUB_API_URL=hub.url
        hub.log, hub.comments, hub.refused

What no route declares (path, query parameter, permission, a token sent to the file storage) is answered 500, 401 or 403
and kept in `refused`; `with` ends in an AssertionError unless the test emptied it.
"""

import io
import json
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import RLock, Thread
from urllib.parse import parse_qsl, urlencode, urlsplit

RANK = {"none": 0, "read": 1, "write": 2}
BOT = "github-actions[bot]"
SHA = "a" * 40  # the head commit of most tests


@dataclass
class Fault:
    """An answer given instead of the next `times` requests whose `METHOD path` matches."""

    matches: str
    status: int
    times: int = 1
    headers: dict = field(default_factory=dict)
    body: bytes = b'{"message": "made to fail"}'
    meanwhile: Callable[[], object] = lambda: None  # what happens before the answer


@dataclass
class Call:
    """One request as it came in."""

    method: str
    path: str
    query: dict
    body: object
    headers: dict


class GitHubStub:
    """One repository: `pulls` (as the API shows them), `files` and `comments` by number, `artifacts` by run."""

    def __init__(self, repository: str = "acme/loans"):
        self.repository = repository
        self.tokens: dict[str, dict[str, str]] = {}
        self.pulls: list[dict] = []
        self.heads = lambda branch: ""  # a branch -> its commit
        self.files: dict[int, list[dict]] = {}
        self.comments: dict[int, list[dict]] = {}
        self.artifacts: dict[int, list[dict]] = {}
        self.faults: list[Fault] = []
        self.log: list[Call] = []
        self.refused: list[str] = []
        self.lock = RLock()
        self.routes = [(m, re.compile(p), grant, set(query), answer) for m, p, grant, query, answer in self._routes()]

    def __enter__(self):
        stub = self
        handler = type("Handler", (_Handler,), {"stub": stub})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.port = self.server.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, kind, *_):
        self.server.shutdown()
        self.server.server_close()
        if kind is None and self.refused:
            raise AssertionError(f"requests that no route allows: {self.refused}")

    def calls(self) -> list[str]:
        """`METHOD path` of every request, without the repository's name."""
        return [f"{call.method} {call.path.removeprefix(f'/repos/{self.repository}/')}" for call in self.log]

    def add(self, method: str, pattern: str, grant: str, answer, query: tuple[str, ...] = ()):
        """Declares one more endpoint; `answer(call, *groups)` gives (status, JSON), `grant` is like `issues:write`."""
        self.routes.append((method, re.compile(pattern), grant, set(query), answer))

    def comment(self, number: int, body: str, login: str = BOT) -> dict:
        """Puts a comment on a pull request, as if `login` had written it."""
        number_of_all = sum(len(comments) for comments in self.comments.values())
        comment = {"id": 1000 + number_of_all, "body": body, "user": {"login": login}}
        self.comments.setdefault(number, []).append(comment)
        return comment

    def artifact(self, run: int, data: bytes, name: str = "report", **more) -> dict:
        """Adds an artifact to a run; `more` overrides what the API says of it."""
        known = (each["id"] for artifacts in self.artifacts.values() for each in artifacts)
        artifact = {
            "id": 1 + max(known, default=499),
            "name": name,
            "size_in_bytes": len(data),
            "expired": False,
            "data": data,
            **more,
        }
        self.artifacts.setdefault(run, []).append(artifact)
        return artifact

    def _routes(self):
        repo = f"/repos/{re.escape(self.repository)}"
        page = ("per_page", "page")
        return [
            (
                "GET",
                rf"{repo}/pulls",
                "pull-requests:read",
                ("state", "head", "sort", "direction", *page),
                self._list_pulls,
            ),
            ("GET", rf"{repo}/git/ref/heads/([\w./-]+)", "contents:read", (), self._ref),
            ("GET", rf"{repo}/pulls/(\d+)", "pull-requests:read", (), self._pull),
            ("GET", rf"{repo}/pulls/(\d+)/files", "pull-requests:read", page, self._of("files")),
            ("GET", rf"{repo}/issues/(\d+)/comments", "pull-requests:read", page, self._of("comments")),
            ("POST", rf"{repo}/issues/(\d+)/comments", "pull-requests:write", (), self._create_comment),
            ("PATCH", rf"{repo}/issues/comments/(\d+)", "pull-requests:write", (), self._update_comment),
            ("GET", rf"{repo}/actions/runs/(\d+)/artifacts", "actions:read", ("name", *page), self._list_artifacts),
            ("GET", rf"{repo}/actions/artifacts/(\d+)/zip", "actions:read", (), self._zip),
        ]

    def _list_pulls(self, call):
        owner, _, branch = call.query.get("head", "").partition(":")

        def asked(pull):
            head = pull["head"]
            here = not owner or (owner, branch) == (head["user"]["login"], head["ref"])
            return here and call.query.get("state", "open") in (pull["state"], "all")

        ascending = call.query.get("direction", "desc") == "asc"
        if call.query.get("sort", "created") != "created":
            return 500, {"message": "this server sorts by creation alone"}
        return 200, sorted(filter(asked, self.pulls), key=lambda pull: pull["number"], reverse=not ascending)

    def _pull(self, call, number):
        found = [pull for pull in self.pulls if pull["number"] == int(number)]
        return (200, found[0]) if found else (404, {"message": "Not Found"})

    def _ref(self, call, branch):
        if sha := self.heads(branch):
            return 200, {"ref": f"refs/heads/{branch}", "object": {"type": "commit", "sha": sha}}
        return 404, {"message": "Not Found"}

    def _of(self, what):
        return lambda call, number: (200, getattr(self, what).get(int(number), []))

    def _create_comment(self, call, number):
        return 201, self.comment(int(number), call.body["body"])

    def _update_comment(self, call, wanted):
        comment = next(c for comments in self.comments.values() for c in comments if c["id"] == int(wanted))
        comment["body"] = call.body["body"]
        return 200, comment

    def _list_artifacts(self, call, run):
        found = [a for a in self.artifacts.get(int(run), []) if call.query.get("name") in (None, a["name"])]
        return 200, {"artifacts": [{k: v for k, v in a.items() if k != "data"} for a in found]}

    def _zip(self, call, wanted):
        return 302, f"http://localhost:{self.port}/storage/{wanted}"  # another host by name, as Azure is to GitHub

    def answer(self, call: Call, host: str) -> tuple[int, dict, bytes]:
        """Status, headers and body for one request."""
        self.log.append(call)
        what = f"{call.method} {call.path}"
        for fault in self.faults:
            if fault.times and re.search(fault.matches, what):
                fault.times -= 1
                fault.meanwhile()
                return fault.status, fault.headers, fault.body
        if host.startswith("localhost:") and call.path.startswith("/storage/"):
            return self._stored(call, what)
        for method, pattern, grant, query, respond in self.routes:
            found = pattern.fullmatch(call.path)
            if found and method == call.method and set(call.query) <= query:
                with self.lock:  # as a database does: of two that ask at once, the second sees what the first has done
                    return self._granted(call, what, grant) or self._json(call, *respond(call, *found.groups()))
        return self._refuse(500, what, f"no route for {what}?{urlencode(call.query)}")

    def _stored(self, call, what):
        if "authorization" in call.headers:
            return self._refuse(400, what, "the token was sent to the storage")
        wanted = int(call.path.rpartition("/")[2])
        return 200, {}, next(a["data"] for found in self.artifacts.values() for a in found if a["id"] == wanted)

    def _granted(self, call, what, grant):
        token = call.headers.get("authorization", "").partition(" ")[2]
        permission, _, needed = grant.partition(":")
        if token not in self.tokens:
            return self._refuse(401, what, "unknown token")
        if RANK[self.tokens[token].get(permission, "none")] < RANK[needed]:
            accepted = f"{permission.replace('-', '_')}={needed}"
            return self._refuse(403, what, accepted, {"X-Accepted-GitHub-Permissions": accepted})
        return None

    def _refuse(self, status, what, why, headers=None):
        self.refused.append(f"{status} {what}: {why}")
        return status, headers or {}, json.dumps({"message": why}).encode()

    def _json(self, call, status, document):
        if status == 302:
            return 302, {"Location": document}, b""
        headers, key = {}, next((k for k in ("artifacts",) if isinstance(document, dict) and k in document), None)
        items = document[key] if key else document
        if isinstance(items, list):
            size, page = min(int(call.query.get("per_page", 30)), 100), int(call.query.get("page", 1))
            if page * size < len(items):
                query = urlencode({**call.query, "page": page + 1})
                headers["Link"] = f'<{self.url}{call.path}?{query}>; rel="next", <{self.url}{call.path}>; rel="last"'
            items = items[(page - 1) * size : page * size]
            document = {key: items, "total_count": len(items)} if key else items
        return status, headers, json.dumps(document).encode()


class _Handler(BaseHTTPRequestHandler):
    stub: GitHubStub
    protocol_version = "HTTP/1.1"

    def _serve(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        call = Call(self.command, parts.path, dict(parse_qsl(parts.query)), body, headers)
        status, more, data = self.stub.answer(call, headers.get("host", ""))
        self.send_response(status)
        for name, value in {**more, "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _serve  # noqa: N815 -- names of http.server

    def log_message(self, *_):
        """Says nothing: `log` holds it."""


def pull(number: int, sha: str, branch: str = "feature", source: str = "acme/loans", base: str = "acme/loans") -> dict:
    """An open pull request as the API shows it."""
    login = source.partition("/")[0]
    head = {"sha": sha, "ref": branch, "user": {"login": login}, "repo": {"full_name": source}}
    more = {
        "node_id": f"PR_{number}",
        "merged_at": None,
        "auto_merge": None,
        "created_at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
    }
    return {
        "number": number,
        "state": "open",
        "head": head,
        "base": {"ref": "main", "repo": {"full_name": base}},
    } | more


def finished_run(sha: str, branch: str = "feature", source: str = "acme/loans", run: int = 12, ended: str = "success"):
    """A `workflow_run` event."""
    origin = {"full_name": source, "owner": {"login": source.partition("/")[0]}}
    facts = {"id": run, "head_sha": sha, "head_branch": branch, "head_repository": origin, "conclusion": ended}
    return {
        "action": "completed",
        "workflow_run": {**facts, "path": ".github/workflows/pull-request.yml", "event": "pull_request"},
    }


def zipped(**entries: bytes) -> bytes:
    """An artifact; `report_md` is report.md."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name.replace("_md", ".md"), content)
    return data.getvalue()
