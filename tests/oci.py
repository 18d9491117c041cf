"""A small OCI archive made by hand: one layer with nothing in it, and labels."""

import hashlib
import io
import json
import tarfile
from pathlib import Path


def archive(path: Path, labels: dict[str, str], count: int = 1) -> str:
    """Write an archive of one image (or of several names of it), and return its digest."""
    blobs: dict[str, bytes] = {}

    def kept(data: bytes, kind: str) -> dict:
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        blobs[digest] = data
        return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": digest, "size": len(data)}

    layer = io.BytesIO()
    tarfile.open(fileobj=layer, mode="w").close()
    config = {
        "architecture": "amd64", "os": "linux", "config": {"Labels": labels},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer.getvalue()).hexdigest()}"]},
    }  # fmt: skip
    manifest = {
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": kept(json.dumps(config).encode(), "config.v1+json"), "layers": [kept(layer.getvalue(), "layer.v1.tar")],
    }  # fmt: skip
    entry = kept(json.dumps(manifest).encode(), "manifest.v1+json")
    files = {f"blobs/sha256/{digest[7:]}": data for digest, data in blobs.items()}
    files["index.json"] = json.dumps({"schemaVersion": 2, "manifests": [entry] * count}).encode()
    files["oci-layout"] = b'{"imageLayoutVersion": "1.0.0"}'
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return entry["digest"]
