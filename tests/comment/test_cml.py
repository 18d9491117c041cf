"""The verb pin-cml; CML as a way to post is tested in test_post.py."""

import argparse
import hashlib

import pytest

from mlops.comment import cml
from mlops.errors import CannotRun


@pytest.fixture
def pin_cml(tmp_path, monkeypatch):
    """Runs `mlops pin-cml` with a stand-in `gh` of the given shell lines; gives the file it writes."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    def run(lines):
        (tmp_path / "gh").write_text(f"#!/bin/sh\n{lines}\n")
        (tmp_path / "gh").chmod(0o755)
        parser = argparse.ArgumentParser()
        cml.add_arguments(parser)
        cml.run(parser.parse_args(["--out", str(tmp_path / "cml.sha256")]))
        return (tmp_path / "cml.sha256").read_text()

    return run


def test_the_hash_is_kept_as_sha256sum_writes_it(pin_cml):
    """The release's file is asked for by its exact version and name, and `sha256sum -c` can read the pin."""
    lines = '[ "$*" = "release download 0.20.6 --repo iterative/cml --pattern cml-linux-x64 --dir $9" ] || exit 1'
    expected = hashlib.sha256(b"program").hexdigest()
    assert f"{expected}  cml-linux-x64\n" == pin_cml(f'{lines}\nprintf program > "$9/cml-linux-x64"')


@pytest.mark.parametrize("lines", ["exit 1", "exit 0"])
def test_a_failed_download_keeps_nothing(pin_cml, lines, tmp_path):
    """No file, or a gh that fails, is an error and writes no pin."""
    with pytest.raises(CannotRun, match="install gh"):
        pin_cml(lines)
    assert not (tmp_path / "cml.sha256").exists()
