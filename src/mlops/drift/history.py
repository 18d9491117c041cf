"""What was found of each window, kept as JSON: for charts, and so that a closed window is not looked at again every day."""

import json
import os
import re
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import date, datetime
from math import isfinite
from pathlib import Path

from mlops.contract import Contract
from mlops.drift import kept
from mlops.drift.decision import Decision, Seen
from mlops.drift.finding import OK, Finding
from mlops.drift.looked import ALL
from mlops.drift.reference import Reference
from mlops.drift.rows import SOURCES
from mlops.drift.windows import Window
from mlops.files import sha256, write_json
from mlops.params import Params

SCHEMA = 1
SECRET = re.compile(r"(?<=//).*@|\?.*")  # of an address: even a hash of it is not to be kept where all can read


def identity(reference: Reference, table: Contract, knobs: Params, env=os.environ) -> str:
    """Return what findings hold for: the same champion and reference, contract, limits and source of rows."""
    said = [
        reference.model.hash,
        reference.data_hash,
        table.model_dump(mode="json"),
        knobs.drift.model_dump(mode="json"),
    ]
    gates = knobs.gates
    said += [knobs.split.model_dump(mode="json"), gates.primary, gates.slices.min_class_rows, knobs.data.options]
    said += [SECRET.sub("", env.get(name, "")) for name in SOURCES]
    return sha256(json.dumps(said, sort_keys=True, default=str).encode())


def write(path: str, name: str, as_of: date, reference: Reference, seen: Sequence[Seen], found: Decision) -> None:
    """Write windows and decision; of groups only what is not ok. name: see `identity`."""
    about = {"commit": reference.commit, "model_hash": reference.model.hash, "data_hash": reference.data_hash}
    alarms = [
        {
            "kind": each.finding.kind,
            "what": each.finding.what,
            "windows": each.windows,
            "critical": each.critical,
            "sentence": each.sentence,
        }
        for each in found.alarms
    ]
    windows = [_plain(one) for one in seen]
    write_json(
        path,
        {"schema": SCHEMA, "identity": name, "as_of": str(as_of), "reference": about | reference.window.model_dump(),
         "answer": found.answer, "alarms": alarms, "windows": windows},
    )  # fmt: skip


def known(path: str, name: str, root=".") -> dict[str, Seen]:
    """Return {window: what was found} of the windows that were settled: of all others more was to come.

    It is empty where neither this folder nor the branch that `keep` writes has a history of this champion, contract and limits.
    """
    here = [Path(root, path).read_bytes()] if Path(root, path).exists() else []
    for text in (*here, *kept.texts(root).values()):
        found = _settled(text, name)
        if found:
            return found
    return {}


def _settled(text: str | bytes, name: str) -> dict[str, Seen]:
    try:
        said = json.loads(text)
        if (said["schema"], said["identity"]) != (SCHEMA, name):
            return {}
        return {one["window"]["name"]: _seen(one) for one in said["windows"] if one["window"]["settled"]}
    except (ValueError, KeyError, TypeError):  # it can be made again
        return {}


def last(path: str) -> list[Seen]:
    """Return the windows that were looked at last, whatever they were held against; none where nobody has looked."""
    try:
        return read(Path(path).read_bytes())[1]
    except OSError:
        return []


def read(text: str | bytes) -> tuple[str, list[Seen]]:
    """Return (the champion, in words; its windows) of what `write` has written; ("", []) where it is of another schema, or broken."""
    try:
        said = json.loads(text)
        about = said["reference"]
        title = f"Champion {about['model_hash'][:12]}, trained on {about['start']} to {about['end']}"
        return title, [_seen(one) for one in said["windows"]]
    except (ValueError, KeyError, TypeError):
        return "", []


def _plain(one: Seen) -> dict:
    kept = [each for each in one.found if each.group == ALL or each.state != OK]
    said = asdict(replace(one, found=tuple(kept)))
    said["found"] = [{key: _finite(value) for key, value in each.items()} for each in said["found"]]
    return said | {"window": said["window"] | {key: said["window"][key].isoformat() for key in ("start", "end")}}


def _finite(value):
    return None if isinstance(value, float) and not isfinite(value) else value


def _seen(said: dict) -> Seen:
    window = said["window"] | {key: datetime.fromisoformat(said["window"][key]) for key in ("start", "end")}
    found = tuple(Finding(**each) for each in said["found"])
    return Seen(Window(**window), said["rows"], said["labelled"], found, tuple(said["said"]))
