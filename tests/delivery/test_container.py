"""A container is run as a cluster runs it, and taken away whatever happens."""

import subprocess

import pytest

from images_built import needs_images
from mlops.delivery import container
from mlops.errors import CannotRun

pytestmark = [pytest.mark.slow, needs_images]


@pytest.fixture(autouse=True)
def here(built, containers, monkeypatch):
    """The tree whose image is built, as working directory."""
    for name, value in containers.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(built)


def there() -> list[str]:
    """The containers of this machine."""
    return subprocess.run(
        ["podman", "ps", "--all", "--quiet"], capture_output=True, text=True, check=True
    ).stdout.split()


def test_a_container_answers_and_ends_well():
    """Ready, told its variables, without rights; SIGTERM is exit code 0."""
    with container.running("build/image.tar", DRAIN_SECONDS="0", GIT_COMMIT="abc") as running:
        assert running.ready()
        assert "abc" == running.get("/version")["commit"]
        assert (0, "10001") == running.executed("id", "-u")
        code, said = running.executed("sh", "-c", "grep CapEff /proc/1/status")
        assert (0, "0" * 16) == (code, said.split()[-1])
        assert 0 == running.stop()


def test_nothing_is_left_behind_where_the_work_fails():
    """The container is taken away."""
    before = there()
    with pytest.raises(KeyError), container.running("build/image.tar"):
        raise KeyError
    assert before == there()


def test_what_is_no_archive_is_said():
    """In podman's words."""
    with pytest.raises(CannotRun, match="`podman pull` failed: .*no-such.tar"), container.running("no-such.tar"):
        pass
