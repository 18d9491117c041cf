"""Gate `model_limits`: can the service carry the model?"""

from collections.abc import Iterator

from mlops.gates.result import Evidence, Gate, limit

ID = "model_limits"


def check(evidence: Evidence) -> Iterator[Gate]:
    """The model file and the median time of a single row are at most `gates.model`."""
    limits = evidence.params.gates.model
    yield limit(ID, "Model size (MB)", evidence.size_mb, limits.size_mb, "size of models/model.onnx")
    yield limit(
        ID,
        "Single-row latency (ms)",
        evidence.latency_ms,
        limits.latency_ms,
        "median of single rows on this machine, one thread",
    )
