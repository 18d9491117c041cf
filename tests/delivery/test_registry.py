"""A registry is asked, and believed only where the digest is right; a token is shown to it for as long as it takes."""

import json
import os
import stat
from base64 import b64decode
from contextlib import nullcontext
from pathlib import Path

import pytest

from images_built import needs_images
from mlops.delivery import registry as registries
from mlops.delivery import signature
from mlops.errors import CannotRun
from oci import archive

LABELS = {"org.opencontainers.image.revision": "c0ffee", "mlops.build-key": "k"}
USER = "ann:$2b$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a\n"  # whose password is `secret`
TOKEN = {"REGISTRY_TOKEN": "secret", "REGISTRY_USER": "ann"}
SKOPEO = "import sys\nsys.exit({said!r})\n"


@pytest.fixture
def closed(registry, monkeypatch):
    """A registry that shows nobody anything but Ann."""
    registry.stop()
    (registry.folder / "users").write_text(USER)
    with monkeypatch.context() as patch:
        patch.setenv("REGISTRY_AUTH", "htpasswd")
        patch.setenv("REGISTRY_AUTH_HTPASSWD_REALM", "r")
        patch.setenv("REGISTRY_AUTH_HTPASSWD_PATH", str(registry.folder / "users"))
        return registry.start()


def credentials() -> dict:
    """What a program that asks a registry finds."""
    return {name: os.environ.get(name) for name in registries.CREDENTIALS}


@pytest.mark.parametrize(
    "name", ["ghcr.io/acme/model", "GHCR.io/Acme/Model", "127.0.0.1:5000/a/b.c-d", "localhost/a/b", "host:5000/a"]
)
def test_a_repositorys_name_is_written_small(name):
    """GitHub's owners may have capitals, registries have none."""
    assert name.lower() == registries.repository(name)


@pytest.mark.parametrize(
    "name", ["model", "acme/model", "ghcr.io/acme/model:v1", "ghcr.io/acme/model@sha256:a", "a b/c", "/a/b", ""]
)
def test_what_is_no_repository_is_refused(name):
    """With what it should be."""
    with pytest.raises(CannotRun, match="it should be registry/owner/name"):
        registries.repository(name)


@pytest.mark.parametrize("said", ["manifest unknown", "name unknown: repository name not known to registry"])
def test_what_a_registry_does_not_have_is_nothing(program, said):
    """In the words of several registries."""
    program("skopeo", SKOPEO.format(said=f"Error: reading manifest k: {said}"))
    assert registries.find("ghcr.io/acme/model", "k") is None


@pytest.mark.parametrize(
    "said", ["denied: requested access to the resource is denied", "unauthorized: log in", "status 403 (Forbidden)"]
)
def test_what_a_registry_does_not_show_is_neither_there_nor_absent(program, monkeypatch, said):
    """That is an error of its own kind; who has no token is told how to log in."""
    program("skopeo", SKOPEO.format(said=said))
    with pytest.raises(registries.Denied, match=r"gives no answer .* `skopeo login ghcr.io` where it is private"):
        registries.find("ghcr.io/acme/model", "k")
    monkeypatch.setenv("REGISTRY_TOKEN", "secret")
    with pytest.raises(registries.Denied, match="gives no answer .* may this token read it"):
        registries.find("ghcr.io/acme/model", "k")


def test_a_repository_may_be_called_what_a_registry_answers(program):
    """Whoever models loans has one; a registry that is away has not refused."""
    program("skopeo", SKOPEO.format(said="pinging docker://ghcr.io/acme/loan-denied:k: connection refused"))
    with pytest.raises(CannotRun, match="gives no answer") as caught:
        registries.find("ghcr.io/acme/loan-denied", "k")
    assert CannotRun is type(caught.value)


@pytest.mark.parametrize("said", ["i/o timeout", "502 Bad Gateway", "toomanyrequests", ""])
def test_what_else_a_registry_says_is_no_answer(program, said):
    """Nor is it a refusal."""
    program("skopeo", SKOPEO.format(said=said or 1))
    with pytest.raises(CannotRun, match="gives no answer") as caught:
        registries.find("ghcr.io/acme/model", "k")
    assert CannotRun is type(caught.value)


def test_another_digest_than_the_one_that_was_asked_for_is_not_used(program):
    """A tag may answer with any."""
    found = json.dumps({"Digest": f"sha256:{'2' * 64}", "Labels": None})
    program("skopeo", f"print({found!r})\n")
    with pytest.raises(CannotRun, match=r"answers with sha256:2+: do not use it"):
        registries.find("ghcr.io/acme/model", f"sha256:{'1' * 64}")
    assert {} == registries.find("ghcr.io/acme/model", "k").labels


@pytest.mark.parametrize(("name", "tls"), [("ghcr.io/a/b", "true"), ("127.0.0.1:5/a/b", "false")])
def test_only_this_machine_itself_may_speak_without_tls(program, tmp_path, name, tls):
    """Whatever else a registry is called."""
    program(
        "skopeo",
        f"import pathlib, sys\npathlib.Path({str(tmp_path / 'argv')!r}).write_text(' '.join(sys.argv[1:]))\nsys.exit(1)",
    )
    with pytest.raises(CannotRun):
        registries.find(name, "k")
    assert f"inspect --no-tags --tls-verify={tls} docker://{name}:k" == (tmp_path / "argv").read_text()


def test_without_skopeo_no_registry_is_asked(nothing_installed):
    """It is named."""
    with pytest.raises(CannotRun, match="skopeo is not installed here"):
        registries.find("ghcr.io/acme/model", "k")


@pytest.mark.parametrize(
    ("user", "named"), [({}, "token"), ({"REGISTRY_USER": ""}, "token"), ({"REGISTRY_USER": "ann"}, "ann")]
)
def test_a_token_is_shown_to_its_registry_alone(user, named):
    """In a file that nobody else may read, and both programs look there."""
    with registries.login("ghcr.io/acme/model", {"REGISTRY_TOKEN": "s:ecret", **user}):
        folder, file = (os.environ[name] for name in registries.CREDENTIALS)
        assert f"{folder}/config.json" == file
        assert 0o600 == stat.S_IMODE(os.stat(file).st_mode)
        ((host, said),) = json.loads(Path(file).read_text())["auths"].items()
        assert ("ghcr.io", f"{named}:s:ecret") == (host, b64decode(said["auth"]).decode())


@pytest.mark.parametrize("token", ["ghs_ofTheJob", "ghp_ofAPerson", "github_pat_ofAPerson"])
def test_a_token_of_githubs_is_shown_to_no_other_registry(token):
    """It may do more than push an image."""
    with pytest.raises(CannotRun, match=r"is a token of GitHub's, and docker\.io is not its registry"):
        registries.login("docker.io/acme/model", {"REGISTRY_TOKEN": token}).__enter__()
    with registries.login("ghcr.io/acme/model", {"REGISTRY_TOKEN": token}):
        assert Path(os.environ["REGISTRY_AUTH_FILE"]).exists()


def test_docker_hub_is_known_by_both_of_its_names():
    """cosign looks for the older one."""
    with registries.login("docker.io/acme/model", {"REGISTRY_TOKEN": "dckr_pat_x"}):
        said = json.loads(Path(os.environ["REGISTRY_AUTH_FILE"]).read_text())["auths"]
    assert {"docker.io", "https://index.docker.io/v1/"} == said.keys()


def test_other_programs_inherit_no_token(monkeypatch):
    """What they need is in the file that `login` makes; the rest of the environment is theirs."""
    for name in registries.TOKENS:
        monkeypatch.setenv(name, "secret")
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_URL", "https://id")
    found = registries.inherited()
    assert "secret" not in found.values()
    assert {"PATH", "ACTIONS_ID_TOKEN_REQUEST_URL"} <= found.keys()


@pytest.mark.parametrize(
    "before", [{}, {"DOCKER_CONFIG": "/mine", "REGISTRY_AUTH_FILE": "/mine/auth.json"}, {"DOCKER_CONFIG": ""}]
)
@pytest.mark.parametrize("error", [None, CannotRun("no"), KeyboardInterrupt()])
def test_a_token_outlives_no_block(monkeypatch, before, error):
    """Its file is gone, and the environment is what it was, after an error too."""
    for name, value in before.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(type(error)) if error else nullcontext(), registries.login("ghcr.io/acme/model", TOKEN):
        file = Path(os.environ["REGISTRY_AUTH_FILE"])
        assert file.exists()
        if error:
            raise error
    assert [False, False] == [file.exists(), file.parent.exists()]
    assert {"DOCKER_CONFIG": None, "REGISTRY_AUTH_FILE": None} | before == credentials()


@pytest.mark.parametrize("env", [{}, {"REGISTRY_TOKEN": "", "REGISTRY_USER": "ann"}])
def test_without_a_token_a_registry_is_asked_as_whoever_this_is(monkeypatch, env):
    """A login of one's own stays in force."""
    monkeypatch.setenv("REGISTRY_AUTH_FILE", "/mine/auth.json")
    with registries.login("ghcr.io/acme/model", env):
        assert {"DOCKER_CONFIG": None, "REGISTRY_AUTH_FILE": "/mine/auth.json"} == credentials()


@pytest.mark.slow
@needs_images
def test_a_closed_registry_answers_who_shows_a_token(closed, tmp_path):
    """What is absent is absent, what is pushed is found; without the token, or with a wrong one, neither is known."""
    name, digest = f"{closed.host}/acme/model", archive(tmp_path / "a.tar", LABELS)
    with registries.login(name, TOKEN):
        assert registries.find(name, "k") is None
        registries.copy(tmp_path / "a.tar", name, digest)
        registries.tag(name, digest, "k")
        assert digest == registries.find(name, "k").image.digest
    for other in ({}, TOKEN | {"REGISTRY_TOKEN": "guess"}, TOKEN | {"REGISTRY_USER": "bob"}):
        with registries.login(name, other), pytest.raises(registries.Denied):
            registries.find(name, digest)
    with pytest.raises(CannotRun, match="refuses the image"):
        registries.copy(tmp_path / "a.tar", name, digest)


@pytest.mark.slow
@needs_images
def test_cosign_is_shown_the_token_too(closed, tmp_path, cosign):
    """What it signs in a closed registry is signed; without the token that is not known."""
    name, digest = f"{closed.host}/acme/model", archive(tmp_path / "a.tar", LABELS)
    image = registries.Image(name, digest)
    with registries.login(name, TOKEN):
        registries.copy(tmp_path / "a.tar", name, digest)
        signature.sign(image)
        assert "" == signature.fault(image)
    with pytest.raises(CannotRun, match="cannot be found out"):
        signature.fault(image)


@pytest.mark.slow
@needs_images
def test_what_is_pushed_is_found_by_tag_and_by_digest(registry, tmp_path):
    """The same digest, with its labels; what is not there is nothing."""
    digest, name = archive(tmp_path / "a.tar", LABELS), f"{registry.host}/acme/model"
    assert registries.find(name, "k") is None
    registries.copy(tmp_path / "a.tar", name, digest)
    assert registries.find(name, "k") is None
    registries.tag(name, digest, "k")
    for reference in ("k", digest):
        found = registries.find(name, reference)
        assert (digest, "c0ffee", "k") == (found.image.digest, found.label("commit"), found.label("build-key"))
    assert registries.find(name, f"sha256:{'0' * 64}") is None


@pytest.mark.slow
@needs_images
def test_a_missing_label_is_named(registry, tmp_path):
    """It was built by somebody else."""
    digest = archive(tmp_path / "a.tar", {})
    registries.copy(tmp_path / "a.tar", f"{registry.host}/acme/model", digest)
    with pytest.raises(CannotRun, match=r"has no label mlops\.model-hash"):
        registries.find(f"{registry.host}/acme/model", digest).label("model-hash")


@pytest.mark.slow
@needs_images
def test_bytes_are_not_kept_under_anothers_digest(registry, tmp_path):
    """They are refused."""
    archive(tmp_path / "a.tar", LABELS)
    other = f"sha256:{'e' * 64}"
    with pytest.raises(CannotRun, match="refuses the image"):
        registries.copy(tmp_path / "a.tar", f"{registry.host}/acme/model", other)
    assert registries.find(f"{registry.host}/acme/model", other) is None


@pytest.mark.slow
@needs_images
def test_a_registry_that_is_away_is_no_empty_one(registry, tmp_path):
    """To look and to push are refused with words, and another try succeeds."""
    name = f"{registry.host}/acme/model"
    digest = archive(tmp_path / "a.tar", LABELS)
    registry.stop()
    with pytest.raises(CannotRun, match=r"gives no answer \(.*connection refused.*is the registry up"):
        registries.find(name, "k")
    with pytest.raises(CannotRun, match="refuses the image .*nothing was released; run this job again"):
        registries.copy(tmp_path / "a.tar", name, digest)
    registry.start()
    registries.copy(tmp_path / "a.tar", name, digest)
    assert digest == registries.find(name, digest).image.digest


@pytest.mark.slow
@needs_images
def test_a_tag_that_moves_does_not_move_a_digest(registry, tmp_path):
    """Who asks by digest gets those bytes."""
    name = f"{registry.host}/acme/model"
    first, second = (archive(tmp_path / f"{each}.tar", {"a": each}) for each in ("1", "2"))
    for each, digest in (("1", first), ("2", second)):
        registries.copy(tmp_path / f"{each}.tar", name, digest)
        registries.tag(name, digest, "k")
    assert second == registries.find(name, "k").image.digest
    assert {"a": "1"} == registries.find(name, first).labels
