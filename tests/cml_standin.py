"""A stand-in for CML's program in tests: takes its arguments, and does to the API what CML 0.20.6 does.

As the real one it reads only the first page of comments, and updates the last that carries the watermark, whoever
wrote it (src/cml.js, src/watermark.js). It stops where an argument or variable is not what we mean to pass.
"""

import argparse
import json
import os
import re
import sys
from pathlib import Path
from urllib.request import Request, urlopen


def call(method: str, path: str, body: dict | None = None):
    """One request to the API, with the token CML takes."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"token {os.environ['REPO_TOKEN']}", "User-Agent": "cml-standin"}
    with urlopen(Request(os.environ["GITHUB_API_URL"] + path, data, headers, method=method)) as answer:  # noqa: S310
        return json.load(answer)


def main() -> int:
    """`comment update --target=pr/N --publish=false --watermark-title=T --repo=URL FILE`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("words", nargs=2, choices=["comment", "update"])
    parser.add_argument("--target", required=True)
    parser.add_argument("--publish", required=True, choices=["false"])
    parser.add_argument("--watermark-title", required=True)
    parser.add_argument("--repo", required=True)
    parser.add_argument("file", type=Path)
    args = parser.parse_args()
    leaked = {"GITHUB_TOKEN", "GH_TOKEN", "GITHUB_OUTPUT", "GITHUB_ENV", "SECRET"} & set(os.environ)
    if os.environ.get("ITERATIVE_DO_NOT_TRACK") != "1" or leaked or args.words != ["comment", "update"]:
        return 3
    repo, number = "/".join(args.repo.split("/")[-2:]), args.target.removeprefix("pr/")
    mark = f'![](https://cml.dev/watermark.png#{os.environ["GITHUB_SHA"]} "CML watermark {args.watermark_title}")'
    like = re.escape(mark).replace(os.environ["GITHUB_SHA"], "[0-9a-fA-F]+")
    comments = call("GET", f"/repos/{repo}/issues/{number}/comments")
    found = next((comment for comment in reversed(comments) if re.search(like, comment["body"])), None)
    body = {"body": f"{args.file.read_text(encoding='utf-8')}\n\n{mark}"}
    if found:
        call("PATCH", f"/repos/{repo}/issues/comments/{found['id']}", body)
    else:
        call("POST", f"/repos/{repo}/issues/{number}/comments", body)
    return 0


if __name__ == "__main__":
    sys.exit(main())
