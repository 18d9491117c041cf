"""Verb `smoke`: run the image, and hold what it answers against what was judged. Run: mlops smoke [--archive build/image.tar].

Golden rows are rows of the test part, with the scores and decisions that the verdict is of.
"""

import time
from collections.abc import Iterator

import numpy as np

from mlops import contract, task
from mlops.delivery.container import Container, running
from mlops.delivery.image import opened
from mlops.files import read_json, read_table
from mlops.onnx_model import Model
from mlops.paths import IMAGE, METRICS, PART, PREDICTIONS

ROWS = 500  # golden rows, spread over the test part
SINGLE = 20  # of them sent alone too
NEAR = 1e-6  # largest difference of a score; of a large number, of a millionth of it


def add_arguments(parser) -> None:
    """Add the archive."""
    parser.add_argument("--archive", default=IMAGE, help=f"what is run (default: {IMAGE})")


def run(args) -> int:
    """Return 1 where the image does not answer as the pipeline does, or is not what it should be."""
    digest, said = opened(args.archive)
    print(f"smoke: {digest} of commit {said.get('org.opencontainers.image.revision', 'unknown')[:20]}")
    model, table = Model.read(), contract.read()
    rows, expected = golden(model, table)
    start = time.perf_counter()
    with running(args.archive, DRAIN_SECONDS="0") as container:
        container.ready()
        print(f"smoke: ready after {time.perf_counter() - start:.1f} s")
        found = [*asked(container, rows, expected), *state(container), *labels(args.archive)]
        code = container.stop()
    if code:
        found.append(f"it ended with exit code {code} on SIGTERM")
    for fault in found:
        print(f"smoke: {fault}")
    print(f"smoke: {len(rows)} golden rows, {f'{len(found)} faults' if found else 'no fault'}")
    return int(bool(found))


def asked(container: Container, rows: list[dict], expected: dict) -> list[str]:
    """Return what is answered otherwise than it was judged; an answer that is none is a fault too."""
    try:
        return [*answers(container, rows, expected)]
    except (OSError, ValueError, KeyError, TypeError) as error:
        return [f"golden rows are not answered ({type(error).__name__}: {str(error)[:200]})"]


def labels(archive: str) -> Iterator[str]:
    """Yield the labels that do not say what is in the image."""
    said, judged = opened(archive)[1], read_json(METRICS, "run `make train` first")
    for name, wanted in (("model-hash", judged["model_hash"]), ("data-hash", judged["data_hash"])):
        if said.get(f"mlops.{name}") != wanted:
            yield f"its label mlops.{name} is {said.get(f'mlops.{name}')}, {METRICS} says {wanted}"


def golden(model: Model, table: contract.Contract) -> tuple[list[dict], dict]:
    """Return rows as a caller sends them, and {score, decision} as the verdict has them: arrays [rows] or [rows, classes]."""
    said, rows = read_table(PREDICTIONS), read_table(PART.format("test"))
    at = np.unique(np.linspace(0, len(rows) - 1, ROWS).astype(int))
    score = said[task.score_columns(model.classes)].to_numpy()[at]
    decision = said["decision"].to_numpy()[at].tolist()
    if model.task == "multiclass":
        decision = [model.classes[place] for place in decision]
    sent = rows.iloc[at][[column["name"] for column in model.columns]]
    records = [{name: plain(value) for name, value in row.items()} for row in sent.to_dict("records")]
    return records, {"score": score if model.task == "multiclass" else score[:, 0], "decision": decision}


def plain(value):
    """Return a value of a table as JSON has it; what is missing is null."""
    value = value.item() if isinstance(value, np.generic) else value
    return None if value is None or value != value else value


def answers(container: Container, rows: list[dict], expected: dict) -> Iterator[str]:
    """Yield what is answered otherwise than it was judged, of a batch and of single rows."""
    batch = container.post("/predict-batch", rows)
    several = "scores" in batch
    score = np.array([[*each.values()] for each in batch["scores"]] if several else batch["score"])
    yield from differences(score, batch["decision"], expected, "")
    places = range(0, len(rows), max(1, len(rows) // SINGLE))
    alone = [container.post("/predict", rows[place]) for place in places]
    score = np.array([[*one["scores"].values()] if several else one["score"] for one in alone])
    held = {name: [values[place] for place in places] for name, values in expected.items()}
    yield from differences(score, [one["decision"] for one in alone], held, " of rows that are sent alone")


def differences(score: np.ndarray, decision: list, expected: dict, which: str) -> Iterator[str]:
    """Yield what differs; the decision of a number is its score."""
    wanted = np.asarray(expected["score"])
    off = (np.abs(score - wanted) / np.maximum(1, np.abs(wanted))).max()
    if not off <= NEAR:
        yield f"scores{which} differ by up to {off:.2g}, {NEAR:g} is allowed"
    pairs = zip(decision, expected["decision"], strict=True)
    changed = sum(given != said for given, said in pairs if not isinstance(said, float))
    if changed:
        yield f"{changed} of {len(decision)} decisions{which} differ"


def state(container: Container) -> Iterator[str]:
    """Yield what the container is that it should not be."""
    judged, said = read_json(METRICS, "run `make train` first"), container.get("/version")
    for name in ("model_hash", "data_hash"):
        if said[name] != judged[name]:
            yield f"/version says {name} {said[name]}, {METRICS} says {judged[name]}"
    code, user = container.executed("id", "-u")
    if code or not user.isdigit() or user == "0":
        yield f"it runs as user {user}, which should be a number that is not root's"
    code, said = container.executed("sh", "-c", "true")
    if code:
        yield f"nothing can be looked at in it ({said})"
    code, said = container.executed("sh", "-c", "echo > /app/written")
    if not code or "read-only file system" not in said.lower():
        yield f"its root file system can be written ({said or 'no error'})"
