"""An image that a change brings to an environment is what the change says of it, by the labels of its build."""

import json
import shutil
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from copies import unreleased
from images_built import needs_images
from mlops.cli import main as mlops
from mlops.delivery import labels as verb
from mlops.delivery import overlay
from mlops.delivery import registry as registries
from mlops.delivery.build_key import build_key
from mlops.delivery.overlay import Image
from mlops.rollout import step
from oci import archive
from remote import Remote, git

FIRST, OLD, NEW = "a" * 64, "b" * 64, "c" * 64  # models: prod's champion, another, and one that a change brings
HOST, GITHUBS = "registry.example.com/acme/model", "ghcr.io/acme/model"
PROD, STAGING = (overlay.OVERLAY.format(name) for name in ("prod", "staging"))
CHAMPION = Image(HOST, f"sha256:{'1' * 64}", FIRST)
EMPTY = unreleased()
STABLE = overlay.with_image(EMPTY[PROD], PROD, "champion", CHAMPION)
FILES = EMPTY | {
    PROD: STABLE,
    "Dockerfile": "FROM scratch\n",
    ".dockerignore": "*\n!src\n!metrics.json\n",
    ".gitignore": "build/\n",
    "src/a.py": "1\n",
    "metrics.json": json.dumps({"model_hash": FIRST}),
}
BRINGS = {"metrics.json": json.dumps({"model_hash": NEW})}  # a change of the model
SKOPEO = """
import json, sys
said = json.load(open({file!r})).get(sys.argv[-1].partition("@")[2], "manifest unknown")
if isinstance(said, str):
    sys.exit(said)
print(json.dumps({{"Digest": sys.argv[-1].partition("@")[2], "Labels": said}}))
"""


@pytest.fixture
def remote(tmp_path, monkeypatch):
    """Main with a champion in prod, and a branch of it as working directory."""
    (tmp_path / "git").mkdir()
    made = Remote(tmp_path / "git", FILES)
    monkeypatch.chdir(made.path)
    git(made.path, "checkout", "-q", "-b", "work")
    return made


@pytest.fixture
def answers(program, tmp_path):
    """A function: {digest: labels, or what is said instead} -> a registry answers so; it has nothing else."""
    file = tmp_path / "answers.json"
    program("skopeo", SKOPEO.format(file=str(file)))

    def there(said: dict) -> None:
        file.write_text(json.dumps(said))

    there({})
    return there


def change(remote, files: dict[str, str]) -> None:
    """Commit files to the branch."""
    remote._write(files)
    git(remote.path, "commit", "-q", "--allow-empty", "-m", "a change")


def shadow(image: Image) -> dict[str, str]:
    """Prod's overlay with a challenger."""
    return {PROD: step.promoted(STABLE, PROD, "shadow", image, "a test")}


def said_by(model: str, key: str = "k") -> dict[str, str]:
    """The labels of an image."""
    return {"mlops.model-hash": model, "mlops.build-key": key}


def told(capsys) -> tuple[int, list[str]]:
    """Exit code, and what the verb says of each image, or why it could not run."""
    code = mlops(["labels", "--base", "main"])
    said = capsys.readouterr()
    return code, (said.err if code == 2 else said.out).splitlines()[: None if code == 2 else -1]


CHALLENGER = Image(HOST, f"sha256:{'2' * 64}", NEW)
WHO = f"labels: prod's challenger {CHALLENGER}"


def test_an_image_of_the_model_that_its_overlay_names_passes(remote, answers, capsys):
    """Each one that is new to its environment is told."""
    change(remote, shadow(CHALLENGER))
    answers({CHALLENGER.digest: said_by(NEW)})
    assert (0, [f"{WHO}: is what the change says"]) == told(capsys)


def test_an_image_of_another_model_does_not(remote, answers, capsys):
    """With both."""
    change(remote, shadow(CHALLENGER))
    answers({CHALLENGER.digest: said_by(OLD)})
    why = f"its labels say model-hash {OLD[:12]} instead of {NEW[:12]}: take the image that was built of this"
    assert (1, [f"{WHO}: {why}"]) == told(capsys)


def test_an_overlay_that_names_no_model_does_not(remote, answers, capsys):
    """Nobody would know what is served."""
    change(remote, shadow(Image(HOST, CHALLENGER.digest)))
    answers({CHALLENGER.digest: said_by(NEW)})
    assert 1 == told(capsys)[0]


def test_a_retrain_does_not_bring_back_an_image_of_before(remote, answers, capsys):
    """That the overlay had it once makes it no image of this model."""
    other = Image(HOST, f"sha256:{'3' * 64}", OLD)
    git(remote.path, "checkout", "-q", "main")
    change(remote, shadow(other))
    change(remote, {PROD: STABLE})
    git(remote.path, "checkout", "-q", "-b", "retrain")
    answers({other.digest: said_by(OLD)})
    change(remote, shadow(other))
    assert (0, []) == told(capsys)
    change(remote, BRINGS)
    why = f"the overlay says model {OLD[:12]}, and metrics.json is of {NEW[:12]}: the next retrain mends it"
    assert (1, [f"labels: prod's challenger {other}: {why}"]) == told(capsys)


def test_an_image_that_is_not_there_does_not(remote, answers, capsys):
    """No cluster could pull it."""
    change(remote, shadow(CHALLENGER))
    assert (1, [f"{WHO}: its registry has no such image: push it first"]) == told(capsys)


def test_an_image_that_says_nothing_is_an_error(remote, answers, capsys):
    """It was not built by us."""
    change(remote, shadow(CHALLENGER))
    answers({CHALLENGER.digest: {}})
    assert (2, [f"mlops labels: {CHALLENGER} has no label mlops.model-hash: it was not built by `mlops image`, or its "
                "build was changed"]) == told(capsys)  # fmt: skip


def test_every_environment_is_looked_at(remote, answers, capsys):
    """One that is at fault is enough, and none hides another."""
    second = Image(HOST, f"sha256:{'3' * 64}", OLD)
    change(remote, shadow(CHALLENGER) | {STAGING: overlay.with_image(EMPTY[STAGING], STAGING, "champion", second)})
    answers({CHALLENGER.digest: said_by(OLD), second.digest: said_by(OLD)})
    code, lines = told(capsys)
    assert (1, ["prod's challenger", "staging's champion"]) == (code, [each[8:].split(" reg")[0] for each in lines])
    assert lines[1].endswith("is what the change says")


def test_a_retrains_image_is_of_its_model_and_its_files(remote, answers, capsys):
    """The change brings main both: they are one."""
    change(remote, shadow(CHALLENGER) | BRINGS)
    answers({CHALLENGER.digest: said_by(NEW, build_key())})
    assert (0, [f"{WHO}: is what the change says"]) == told(capsys)


@pytest.mark.parametrize("files", [{}, {"src/a.py": "2\n"}])
def test_a_retrains_image_of_other_files_does_not_pass(remote, answers, capsys, files):
    """Of main's, or of the branch before a person's commit."""
    before = build_key()
    change(remote, shadow(CHALLENGER) | BRINGS)
    known = build_key() if files else before
    change(remote, files)
    answers({CHALLENGER.digest: said_by(NEW, known)})
    why = f"its labels say build-key {known[:12]} instead of {build_key()[:12]}: take the image that was built of this"
    assert (1, [f"{WHO}: {why}"]) == told(capsys)


def test_a_challenger_of_another_model_than_the_change_brings_does_not_pass(remote, answers, capsys):
    """Though its labels agree with the overlay."""
    other = Image(HOST, CHALLENGER.digest, OLD)
    change(remote, shadow(other) | BRINGS)
    answers({other.digest: said_by(OLD, build_key())})
    why = f"the overlay says model {OLD[:12]}, and metrics.json is of {NEW[:12]}: the next retrain mends it"
    assert (1, [f"{WHO}: {why}"]) == told(capsys)


def test_a_champion_need_not_be_of_the_model_that_the_change_brings(remote, answers, capsys):
    """It is what an environment serves meanwhile: its labels are held against its overlay alone."""
    second = Image(HOST, f"sha256:{'3' * 64}", OLD)
    change(remote, BRINGS | {STAGING: overlay.with_image(EMPTY[STAGING], STAGING, "champion", second)})
    answers({second.digest: said_by(OLD)})
    assert (0, [f"labels: staging's champion {second}: is what the change says"]) == told(capsys)


def test_files_that_are_not_committed_count_for_nothing(remote, answers, capsys):
    """Neither a model nor a file of an image."""
    change(remote, shadow(CHALLENGER) | BRINGS)
    answers({CHALLENGER.digest: said_by(NEW, build_key())})
    remote._write({"metrics.json": json.dumps({"model_hash": OLD}), "src/a.py": "3\n"})
    assert 0 == told(capsys)[0]


@pytest.mark.parametrize("files", [{}, BRINGS, {"src/a.py": "2\n"}, {PROD: f"{STABLE}# a comment\n"}])
def test_where_no_image_is_brought_no_registry_is_asked(remote, nothing_but_git, capsys, files):
    """No program is there that could."""
    change(remote, files)
    assert (0, []) == told(capsys)


def test_an_environment_that_serves_nothing_brings_nothing(remote, nothing_but_git, capsys):
    """As in a fresh copy, or where a person takes the champion out."""
    change(remote, {PROD: EMPTY[PROD]})
    assert (0, []) == told(capsys)


def test_what_goes_back_to_an_image_of_before_asks_no_registry(remote, nothing_but_git, capsys):
    """A rollback must not wait for one; after its end, and in either role."""
    remote.merge(shadow(CHALLENGER))
    remote.merge({PROD: step.promoted(STABLE, PROD, "full", CHALLENGER, "a test")})
    git(remote.path, "checkout", "-q", "-B", "work", "main")
    text = step.restored((remote.path / PROD).read_text(), PROD, CHAMPION, "wrong")
    change(remote, {PROD: text})
    assert (0, []) == told(capsys)


def test_an_image_of_before_that_is_said_to_be_of_another_model_is_looked_at(remote, answers, capsys):
    """Nor does it count that another environment has had it."""
    change(remote, {PROD: overlay.with_image(STABLE, PROD, "champion", Image(HOST, CHAMPION.digest, OLD))})
    answers({CHAMPION.digest: said_by(FIRST)})
    assert 1 == told(capsys)[0]
    change(remote, {PROD: STABLE, STAGING: overlay.with_image(EMPTY[STAGING], STAGING, "champion", CHAMPION)})
    assert (0, [f"labels: staging's champion {CHAMPION}: is what the change says"]) == told(capsys)


def test_what_main_has_got_meanwhile_is_no_part_of_the_change(remote, nothing_but_git, capsys):
    """The change is what is here since it branched off."""
    change(remote, {"src/a.py": "2\n"})
    git(remote.path, "checkout", "-q", "main")
    remote.merge(shadow(CHALLENGER))
    git(remote.path, "checkout", "-q", "work")
    assert (0, []) == told(capsys)


DENIED = "unauthorized: authentication required"


def test_what_a_registry_does_not_show_passes_in_a_change_of_overlays_alone(remote, answers, capsys):
    """It is said: `promote` and `deploy` have looked, by a token that no check has."""
    change(remote, shadow(CHALLENGER))
    answers({CHALLENGER.digest: DENIED})
    code, lines = told(capsys)
    unseen = f"{WHO} is not looked at: its registry asks for a token that no check of a pull request has"
    assert (0, unseen) == (code, lines[0])


@pytest.mark.parametrize(
    ("name", "more"), [(HOST, BRINGS), (GITHUBS, {}), (GITHUBS, BRINGS)], ids=["a model", "GitHub's", "both"]
)
def test_what_must_be_known_and_is_not_shown_is_an_error(remote, answers, capsys, monkeypatch, name, more):
    """Of a change that brings the model too; and this repository's own at GitHub takes the token of a check."""
    monkeypatch.setenv("GITHUB_REPOSITORY", "Acme/model")
    image = Image(name, CHALLENGER.digest, NEW)
    change(remote, shadow(image) | more)
    answers({image.digest: DENIED})
    code, (line,) = told(capsys)
    assert (2, True) == (code, f"prod's challenger {image} cannot be looked at, and this must be known" in line)


@pytest.mark.parametrize("more", [{}, BRINGS])
def test_a_registry_that_is_away_is_an_error(remote, answers, capsys, more):
    """It can simply be run again."""
    change(remote, shadow(CHALLENGER) | more)
    answers({CHALLENGER.digest: "connection refused"})
    code, (line,) = told(capsys)
    assert (2, True) == (code, "gives no answer" in line)


def test_a_base_without_a_commit_in_common_is_an_error(remote, capsys):
    """What the change is cannot be known."""
    assert 2 == mlops(["labels", "--base", "none"])
    assert "none has no commit in common with this one" in capsys.readouterr().err


def test_what_the_checks_can_read(answers, monkeypatch):
    """This repository's own at GitHub without a question; another one where it shows the image to anybody."""
    monkeypatch.setenv("GITHUB_REPOSITORY", "Acme/model")
    answers({CHALLENGER.digest: said_by(NEW), CHAMPION.digest: DENIED})
    absent = Image(HOST, f"sha256:{'9' * 64}")
    others = Image("ghcr.io/other/model", CHAMPION.digest)  # its packages are not for our token
    asked = (CHALLENGER, CHAMPION, absent, Image(GITHUBS, CHAMPION.digest), others)
    assert [True, False, False, True, False] == [verb.readable(each) for each in asked]


@pytest.fixture
def nothing_but_git(tmp_path, monkeypatch):
    """A machine on which no registry can be asked."""
    (tmp_path / "git-alone").mkdir()
    (tmp_path / "git-alone/git").symlink_to(shutil.which("git"))
    monkeypatch.setenv("PATH", str(tmp_path / "git-alone"))


@contextmanager
def closed():
    """Yield the name of a repository whose registry answers everything with 401."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="r"')
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, *_):
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}/acme/model"
        server.shutdown()


@pytest.mark.slow
@needs_images
def test_a_real_registry_that_is_closed(remote, capsys, monkeypatch):
    """It is told from one that is away, and a token of the job's does not make the checks able to read it."""
    with closed() as name:
        image = Image(name, CHALLENGER.digest, NEW)
        change(remote, shadow(image))
        code, lines = told(capsys)
        assert (0, True) == (code, "is not looked at: its registry asks for a token" in lines[0])
        monkeypatch.setenv("REGISTRY_TOKEN", "secret")
        assert not verb.readable(image)
        change(remote, BRINGS)
        code, (line,) = told(capsys)
        assert (2, True) == (code, "cannot be looked at, and this must be known" in line)


@pytest.mark.slow
@needs_images
def test_a_real_registry_is_asked_and_held_against_the_change(remote, registry, tmp_path, capsys):
    """Its labels; an image that it has not, one of another model, and a registry that is away."""
    name, key = f"{registry.host}/acme/model", keyed(remote)
    digest = archive(tmp_path / "image.tar", said_by(NEW, key))
    registries.copy(str(tmp_path / "image.tar"), name, digest)
    change(remote, shadow(Image(name, digest, NEW)) | BRINGS)
    assert (0, [f"labels: prod's challenger {name}@{digest}: is what the change says"]) == told(capsys)
    assert verb.readable(Image(name, digest))
    assert not verb.readable(Image(name, CHALLENGER.digest))
    change(remote, shadow(Image(name, digest, OLD)) | {"metrics.json": FILES["metrics.json"]})
    code, (line,) = told(capsys)
    assert (1, True) == (code, f"its labels say model-hash {NEW[:12]} instead of {OLD[:12]}" in line)
    change(remote, shadow(Image(name, CHALLENGER.digest, NEW)))
    assert "its registry has no such image: push it first" in told(capsys)[1][0]
    registry.stop()
    code, (line,) = told(capsys)
    assert (2, True) == (code, "gives no answer" in line)
    assert not verb.readable(Image(name, digest))


def keyed(remote) -> str:
    """The build key of the model that a change brings."""
    change(remote, BRINGS)
    found = build_key()
    git(remote.path, "reset", "-q", "--hard", "main")
    return found
