"""Files out of a workflow run's artifact: bytes of untrusted code, read in memory, by exact name, bounded."""

import io
import zipfile
import zlib

from mlops.github import GitHub, TooLarge

LARGEST_ZIP, LARGEST_FILE = 2_000_000, 1_000_000  # bytes
DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError)


class Unusable(Exception):
    """The run left no artifact that can be used; the message says why, to stand after 'because'."""


def read(hub: GitHub, run_id: int, artifact: str, *names: str) -> list[bytes]:
    """Return the bytes of the files `names` in the run's artifact; raises Unusable. Nothing is unpacked to disk."""
    artifacts = list(hub.pages(f"actions/runs/{run_id}/artifacts", key="artifacts", name=artifact))
    if not artifacts:
        raise Unusable("the run ended before it wrote one")
    newest = max(artifacts, key=lambda found: found["id"])  # a run that is repeated leaves several
    if newest["expired"]:
        raise Unusable("its artifact has expired; run the checks again")
    if newest["size_in_bytes"] > LARGEST_ZIP:
        raise Unusable(f"its artifact is {newest['size_in_bytes']:,} bytes, and at most {LARGEST_ZIP:,} are read")
    try:
        data = hub.download(f"actions/artifacts/{newest['id']}/zip", LARGEST_ZIP)
    except TooLarge:
        raise Unusable("its artifact is larger than it says") from None
    return [_entry(data, name) for name in names]


def _entry(data: bytes, name: str) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entry = archive.getinfo(name)
            # Only these two give their bytes piece by piece; a bzip2 bomb would come out whole.
            if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise Unusable("its artifact is packed in a way that is not read")
            if entry.file_size > LARGEST_FILE:
                raise Unusable(f"{name} is {entry.file_size:,} bytes, and at most {LARGEST_FILE:,} are read")
            with archive.open(entry) as file:
                return file.read(LARGEST_FILE + 1)[:LARGEST_FILE]
    except KeyError:
        raise Unusable(f"its artifact holds no {name}") from None
    except DAMAGED:
        raise Unusable("its artifact is damaged") from None
