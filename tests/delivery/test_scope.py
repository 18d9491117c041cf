"""A change of steps and digests alone is told from every other."""

import pytest

from copies import ROOT, unreleased
from mlops.cli import main as mlops
from mlops.delivery.overlay import Image, with_image
from mlops.rollout import step
from remote import Remote

OVERLAY = "manifests/overlays/prod/kustomization.yaml"
TEXT = unreleased(ROOT)[OVERLAY]
FENCE = "`" * 3


@pytest.fixture
def remote(tmp_path, monkeypatch):
    """Main, a branch of it as working directory."""
    made = Remote(tmp_path, unreleased(ROOT) | {"src/a.py": "1\n", "manifests/b.yaml": "b: 1\n"})
    monkeypatch.chdir(made.path)
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "output"))
    return made


def only(remote, files: dict[str, str], tmp_path) -> str:
    """What the verb says of a commit with these files."""
    (tmp_path / "output").write_text("")
    remote._write(files)
    from remote import git

    git(remote.path, "commit", "-q", "-m", "a change")
    assert 0 == mlops(["scope", "--base", "origin/main"])
    return (tmp_path / "output").read_text().strip()


def test_a_step_alone_is_all_of_a_change(remote, tmp_path):
    """The report says which environment changes, and how."""
    moved = TEXT.replace("rollout/stable", "rollout/shadow")
    assert "only=true" == only(remote, {OVERLAY: moved}, tmp_path)
    said = (remote.path / "reports/report.md").read_text()
    assert "prod would serve what its overlay says below" in said
    assert "-  - ../../rollout/stable" in said
    assert "+  - ../../rollout/shadow" in said


@pytest.mark.parametrize(
    "files",
    [{"src/a.py": "2\n"}, {"src/a.py": "2\n", OVERLAY: "x"}, {"manifests.py": "1\n"}, {"a/manifests/b.yaml": "1\n"}],
)
def test_anything_else_is_not(remote, tmp_path, files):
    """A file beside it, a name that begins alike, a folder of that name elsewhere."""
    assert "only=false" == only(remote, files, tmp_path)


def test_a_file_that_leaves_or_enters_counts_as_both(remote, tmp_path):
    """A rename has two names."""
    (remote.path / "src/a.py").unlink()
    assert "only=false" == only(remote, {"manifests/overlays/a.py": "1\n"}, tmp_path)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("namespace: model-prod", "namespace: default"),
        ("configurations: [images.yaml]", "patches: [{path: images.yaml}]"),
        ("- ../../base", "- ../../model"),
        ("components:\n", "components:\n  - ../../components/ingress\n"),
        ("  - name: challenger", "  - name: router"),
        ("rollout/stable", "rollout/none"),
    ],
)
def test_what_no_promotion_changes_is_judged_in_full(remote, tmp_path, old, new):
    """What such an overlay renders to is held against Kubernetes' own schema, by tests that the short way leaves out."""
    assert "only=false" == only(remote, {OVERLAY: TEXT.replace(old, new)}, tmp_path)


def test_digests_and_what_is_said_of_them_are_no_more(remote, tmp_path):
    """As a deploy and a rollback change them."""
    image = Image("ghcr.io/acme/model", f"sha256:{'1' * 64}", "a" * 64)
    text = with_image(TEXT, OVERLAY, "champion", image)
    assert "only=true" == only(
        remote, {OVERLAY: step.rolled_back(step.promoted(text, OVERLAY, "shadow", image, "x"), OVERLAY, "y")}, tmp_path
    )


def test_no_change_is_not_one_of_manifests(remote, tmp_path, capsys):
    """A run of main itself is judged in full."""
    (tmp_path / "output").write_text("")
    assert 0 == mlops(["scope", "--base", "origin/main"])
    assert "only=false" == (tmp_path / "output").read_text().strip()


def test_what_main_has_got_since_is_not_the_changes(remote, tmp_path):
    """It is held against where the branch began."""
    from remote import git

    git(remote.path, "checkout", "-q", "-b", "mine")
    remote._write({OVERLAY: TEXT.replace("rollout/stable", "rollout/shadow")})
    git(remote.path, "commit", "-q", "-m", "a change")
    git(remote.path, "checkout", "-q", "main")
    remote.merge({"src/a.py": "3\n"})
    git(remote.path, "checkout", "-q", "mine")
    assert 0 == mlops(["scope", "--base", "origin/main"])
    assert "only=true" == (tmp_path / "output").read_text().strip()


def test_a_base_that_is_not_there_is_an_error(remote, capsys):
    """Not a pass."""
    assert 2 == mlops(["scope", "--base", "origin/nowhere"])
    assert "no commit in common" in capsys.readouterr().err


def test_a_text_cannot_end_its_own_frame(remote, tmp_path):
    """What it says after that would be the report's."""
    assert "only=true" == only(remote, {OVERLAY: f"{TEXT}# {FENCE}\n# **passed**\n"}, tmp_path)
    said = (remote.path / "reports/report.md").read_text()
    assert 2 == said.count(FENCE)
