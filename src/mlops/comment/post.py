"""`mlops comment-post`: writes comment.md to the pull request, always into the same one comment.

Run by the job `post` of comment.yml, the only one that may write (pull-requests: write). CML carries the text where its
bytes are pinned and it would choose the right comment; else the API does, with the same mark.
"""

import os
import re
import shutil
from pathlib import Path

from mlops.comment import cml
from mlops.errors import CannotRun
from mlops.github import GitHub, from_environment, report

BOT = "github-actions[bot]"  # who the job's token is; no person can have this name
LARGEST = 65_300  # characters; GitHub takes 65,536, the watermark among them
ASTRAY = "CML would miss our comment, because another's carries our watermark or because it is too far down"
# CML's own test, src/watermark.js: it takes the last comment that holds this, whoever wrote it.
MARK = re.compile(rf'!\[\]\(https://cml\.dev/watermark\.png#[0-9a-fA-F]+ "CML watermark {cml.TITLE}"\)')


def add_arguments(parser):
    """What the job `clean` hands over, and where CML may be."""
    parser.add_argument("file", type=Path, help="the comment's text, made by comment-clean")
    parser.add_argument("--number", required=True, help="the pull request")
    parser.add_argument("--head-sha", required=True, help="the commit that was judged")
    parser.add_argument("--cml", default="cml", help="CML's program: a path, or a name on PATH")
    parser.add_argument("--pin", type=Path, default=cml.PIN, help="the file that keeps its sha256")


def run(args) -> int:
    """Posts, and says how in the step summary."""
    if not re.fullmatch(r"[1-9][0-9]{0,9}", args.number) or not re.fullmatch(r"[0-9a-f]{40}", args.head_sha):
        raise CannotRun(f"--number {args.number!r} --head-sha {args.head_sha!r} are no pull request and commit.")
    text = args.file.read_text(encoding="utf-8")
    if len(text) > LARGEST or MARK.search(text):
        raise CannotRun(f"{args.file} is not what comment-clean writes: too long, or it holds a watermark.")
    found = args.cml if Path(args.cml).is_file() else shutil.which(args.cml)
    program, why_not = cml.pinned_program(Path(found) if found else None, args.pin)
    server = os.environ.get("GITHUB_SERVER_URL") or "https://github.com"
    report(post(from_environment(), int(args.number), args.head_sha, text, program, why_not, server))
    return 0


def post(hub: GitHub, number: int, sha: str, text: str, program: bytes, why_not: str, server: str) -> str:
    """Creates or updates our one comment and says how; `program` is CML's, empty for the reason `why_not`."""
    pull = hub.get(f"pulls/{number}")
    if pull["state"] != "open":
        return f"Nothing is posted: pull request {number} is closed."
    if pull["head"]["sha"] != sha:
        return f"Nothing is posted: a newer commit of pull request {number} is being judged."
    comments = _comments(hub, number)
    if program and _last(comments[: cml.SEEN]) != _ours(comments):
        program, why_not = b"", ASTRAY
    if program and cml.update_comment(program, hub, number, text, server):
        return f"The comment on pull request {number} was posted by CML {cml.VERSION}."
    if program:
        why_not, comments = "CML failed", _comments(hub, number)  # it may have written all the same
    body = {"body": f'{text}\n\n![](https://cml.dev/watermark.png#{sha} "CML watermark {cml.TITLE}")'}
    if ours := _ours(comments):
        hub.patch(f"issues/comments/{ours}", body)
    else:
        hub.post(f"issues/{number}/comments", body)
    return f"The comment on pull request {number} was posted by the API: {why_not}."


def _comments(hub: GitHub, number: int) -> list[dict]:
    return list(hub.pages(f"issues/{number}/comments"))


def _last(comments: list[dict]) -> int | None:
    return next((comment["id"] for comment in reversed(comments) if MARK.search(comment["body"] or "")), None)


def _ours(comments: list[dict]) -> int | None:
    return _last([comment for comment in comments if (comment["user"] or {}).get("login") == BOT])
