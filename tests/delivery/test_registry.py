"""A registry is asked, and believed only where the digest is right."""

import pytest

from images_built import needs_images
from mlops.delivery import registry as registries
from mlops.errors import CannotRun
from oci import archive

LABELS = {"org.opencontainers.image.revision": "c0ffee", "mlops.build-key": "k"}


@pytest.mark.parametrize("name", ["ghcr.io/acme/model", "GHCR.io/Acme/Model", "127.0.0.1:5000/a/b.c-d"])
def test_a_repositorys_name_is_written_small(name):
    """GitHub's owners may have capitals, registries have none."""
    assert name.lower() == registries.repository(name)


@pytest.mark.parametrize("name", ["model", "ghcr.io/acme/model:v1", "ghcr.io/acme/model@sha256:a", "a b/c", "/a/b", ""])
def test_what_is_no_repository_is_refused(name):
    """With what it should be."""
    with pytest.raises(CannotRun, match="it should be registry/owner/name"):
        registries.repository(name)


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
