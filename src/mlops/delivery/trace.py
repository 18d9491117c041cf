"""Verb `trace`: which data made the model that answered this? Run: mlops trace prod | <digest> | <model hash> | <commit> | <request id> --log ...

From git, the registry and the prediction log alone. Each link of the chain says what it found, or that it is broken and why.
"""

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from mlops.delivery import champion, overlay, registry
from mlops.delivery.build_key import build_key
from mlops.dvc import git, out_hash, parse_lock
from mlops.errors import CannotRun
from mlops.paths import LOCK, METRICS, MODEL, OVERLAY, OVERLAYS

SQLITE = b"SQLite format 3\x00"  # how its files begin
APPROVERS = "key=Approved-by,key=Reviewed-by"  # trailers of a commit
PULL = re.compile(r"\(#(\d+)\)|Merge pull request #(\d+)")  # how GitHub's squashes and merges name it


@dataclass
class Found:
    """What is known so far of one model in one image; each may be empty."""

    request: str = ""
    repository: str = ""
    digest: str = ""
    model: str = ""
    commit: str = ""
    data: str = ""  # as the image's label says


def add_arguments(parser) -> None:
    """Add what is traced, and where to look."""
    parser.add_argument("what", help="an environment, an image's digest, a model hash, a commit, or a request id")
    parser.add_argument(
        "--log", help="where a request id is looked for: sqlite:///file, postgresql://..., or a file of JSON lines"
    )
    parser.add_argument("--repository", help="registry/owner/name, where no overlay names it")
    parser.add_argument("--json", action="store_true", help="for machines")


def run(args) -> int:
    """Print the chain; 1 where a link of it is broken."""
    base = git("rev-parse", "--verify", "--quiet", "refs/remotes/origin/main", check=False) or git("rev-parse", "HEAD")
    links = dict(chain(start(args.what, args.log, args.repository, base), base))
    broken = [name for name, said in links.items() if isinstance(said, str)]
    if args.json:
        print(json.dumps(links, indent=2))
    else:
        print("\n".join(_lines(links)))
    return int(bool(broken))


def start(what: str, log: str | None, repository: str | None, base: str) -> Found:
    """Return what `what` names; with a log it is a request id. Raises CannotRun where it is nothing that can be known."""
    if "@sha256:" in what and log is None:  # as `push-image` says it
        repository, what = what.split("@")
    found = Found(repository=repository or "")
    if log is not None:
        found.request, found.model = what, logged(what, log)
    elif what in overlay.environments():
        image = champion.served(what, base)
        if image is None:
            raise CannotRun(f"{what} serves nothing yet: its overlay names no image")
        return Found("", image.repository, image.digest, image.model)
    elif overlay.DIGEST.fullmatch(what):
        found.digest = what
    elif overlay.HASH.fullmatch(what):
        found.model = what
    elif commit := git("rev-parse", "--verify", "--quiet", f"{what}^{{commit}}", check=False):
        found.commit = commit
        found.model = _metrics(commit).get("model_hash", "")
    else:
        raise CannotRun(
            f"'{what}' is no environment, digest, model hash or commit; a request id is looked for in the prediction log that "
            "--log names"
        )
    return found


def chain(found: Found, base: str) -> Iterator[tuple[str, dict | str]]:
    """Yield (link, what it says), the request first and the environments last; a sentence where the link is broken."""
    if found.request:
        yield "request", {"id": found.request, "model_hash": found.model}
    served = history(base)
    if found.digest:
        known = next((image for image, _ in served if image.digest == found.digest), None)
        if known is not None:
            found.repository, found.model = found.repository or known.repository, found.model or known.model
        yield "image", _kept(lambda: _image(found))
    yield (
        "model",
        {"hash": found.model} if found.model else "BROKEN: neither an overlay nor a label says which model it is",
    )
    if found.model:
        yield "commit", _kept(lambda: _commit(found, base))
    if found.commit:
        yield "data", _kept(lambda: _data(found))
        yield "metrics", _kept(lambda: _metrics(found.commit)["metrics"])
    # of a model several images may be served: one an environment, each is told
    right = [
        (image, said)
        for image, said in served
        if (image.digest == found.digest if found.digest else image.model == found.model)
    ]
    yield "served by", {"environments": [said | {"image": str(image)} for image, said in right]}


def history(base: str) -> list[tuple[overlay.Image, dict]]:
    """Return (champion, {environment, since, until, by, change}) of all that each environment has served, the newest first."""
    champion.whole()
    found = []
    for environment in overlay.environments():
        name, serving, until = OVERLAY.format(environment), None, None
        for line in git("log", "--first-parent", "--format=%H\t%cI\t%an\t%s", base, "--", name).splitlines():
            commit, since, by, subject = line.split("\t", 3)
            image = _champion(commit, name)
            if image is not None and image == serving:  # a commit that changed something else
                found[-1][1].update(since=since, by=by, change=subject)
            elif image is not None:
                said = {"environment": environment, "since": since, "until": until, "by": by, "change": subject}
                found.append((image, said))
            serving, until = image, since
    return found


def _champion(commit: str, name: str) -> overlay.Image | None:
    try:
        image = overlay.images(git("show", f"{commit}:{name}", check=False) or "", name).get("champion")
    except CannotRun:  # it was laid out otherwise then
        return None
    return image if image is not None and image.released else None


def logged(request: str, log: str) -> str:
    """Return the hash of the model that answered a request; raises CannotRun where the log does not have it, or has several."""
    try:
        models = _models(request, log)
    except (OSError, ValueError, KeyError, sqlite3.Error, ImportError) as error:
        raise CannotRun(
            f"{log.partition('://')[0] if '@' in log else log} cannot be read as a prediction log ({type(error).__name__}): name one with LOG= or --log"
        ) from None
    if not models:
        raise CannotRun(
            f"the prediction log has no request {request}: it is another log, or the row was dropped or deleted"
        )
    if len(models) > 1:  # a mirror, or a retry
        raise CannotRun(f"request {request} was answered by several models, trace each: {', '.join(sorted(models))}")
    return models.pop()


def _models(request: str, log: str) -> set[str]:
    query = "SELECT DISTINCT model_hash FROM predictions WHERE request_id = {}"
    if log.startswith("sqlite:///") and not Path(log.removeprefix("sqlite:///")).exists():
        raise CannotRun(
            f"{log.removeprefix('sqlite:///')} is not there: name the prediction log, LOG=sqlite:///file or --log"
        )
    if log.startswith("sqlite:///"):
        with closing(sqlite3.connect(f"file:{log.removeprefix('sqlite:///')}?mode=ro", uri=True)) as connection:
            return {row[0] for row in connection.execute(query.format("?"), [request])}
    if log.startswith(("postgresql://", "postgres://")):
        import psycopg

        try:
            with psycopg.connect(log, connect_timeout=5) as connection:
                return {row[0] for row in connection.execute(query.format("%s"), [request])}
        except psycopg.Error as error:
            raise CannotRun(f"PostgreSQL does not answer: {str(error).splitlines()[0]}") from None
    with Path(log).open("rb") as file:
        if file.read(len(SQLITE)) == SQLITE:
            return _models(request, f"sqlite:///{log}")
    with Path(log).open(encoding="utf-8") as lines:
        return {
            said["model_hash"]
            for line in lines
            if request in line and (said := json.loads(line))["request_id"] == request
        }


def _image(found: Found) -> dict:
    if not found.repository:
        raise CannotRun("no overlay names its repository: say it with REPOSITORY= or --repository")
    there = registry.find(registry.repository(found.repository), found.digest)
    if there is None:
        raise CannotRun(f"{found.repository} has no {found.digest} (any more): a retention rule may have deleted it")
    said = {name: there.label(name) for name in ("commit", "build-key", "model-hash", "data-hash")}
    if found.model and said["model-hash"] != found.model:
        raise CannotRun(
            f"its label says model {said['model-hash'][:12]}, {OVERLAYS} and the log say {found.model[:12]}"
        )
    found.model, found.data = said["model-hash"], said["data-hash"]
    return {"image": str(there.image)} | said


def _commit(found: Found, base: str) -> dict:
    found.commit = champion.made_by(found.model, found.commit or base)
    hash_, at, by, subject = git("show", "--no-patch", "--format=%H\t%cI\t%an\t%s", found.commit).split("\t", 3)
    pull = next((number for match in PULL.finditer(subject) for number in match.groups() if number), None)
    return {
        "commit": hash_, "at": at, "by": by, "subject": subject,
        "verdict": f"pull request #{pull}" if pull else "its subject names no pull request", "approved": _approved(found.commit, pull),
        "build_key_then": build_key(found.commit),
    }  # fmt: skip


def _approved(commit: str, pull: str | None) -> str:
    """Return who approved a commit, as its trailers say; GitHub keeps reviews beside git, so else where to look."""
    names = git("show", "--no-patch", f"--format=%(trailers:{APPROVERS},valueonly,separator=%x2C%x20)", commit)
    return names or (f"not in git: see the reviews of #{pull}" if pull else "not in git, and no pull request is named")


def _data(found: Found) -> dict:
    metrics, lock = _metrics(found.commit), parse_lock(git("show", f"{found.commit}:{LOCK}"))
    if found.data and found.data != metrics["data_hash"]:
        raise CannotRun(
            f"the image's label says data {found.data[:12]}, {METRICS} of the commit says {metrics['data_hash'][:12]}"
        )
    params = lock["stages"].get("train", {}).get("params", {}).get("params.yaml", {})
    return {
        "data_hash": metrics["data_hash"], "window": metrics.get("window"), "rows": metrics.get("rows"),
        "model_md5": out_hash(lock, MODEL), "train": params.get("train", params),
    }  # fmt: skip


def _metrics(commit: str) -> dict:
    try:
        return json.loads(git("show", f"{commit}:{METRICS}", check=False) or "{}")
    except ValueError:
        return {}


def _kept(look) -> dict | str:
    """Return what a link says, or why it is broken."""
    try:
        return look()
    except CannotRun as error:
        return f"BROKEN: {error}"
    except KeyError as error:
        return f"BROKEN: {error} is missing in {METRICS} of that commit"


def _lines(links: dict) -> Iterator[str]:
    for name, said in links.items():
        if isinstance(said, str):
            yield f"{name:<10} {said}"
        elif name == "served by":
            for each in said["environments"]:
                until = f" to {each['until']}" if each["until"] else ""
                yield f"{name:<10} {each['environment']} since {each['since']}{until}, by {each['by']}: {each['change']}"
            if not said["environments"]:
                yield f"{name:<10} no environment, now or before"
        else:
            for key, value in said.items():
                yield f"{name:<10} {key}: {value if isinstance(value, str) else json.dumps(value)}"
                name = ""
