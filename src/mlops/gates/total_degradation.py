"""Gate `total_degradation`: is the candidate worse than what prod serves, after many small steps?"""

from collections.abc import Iterator

from mlops.gates.degradation import judged
from mlops.gates.result import Evidence, Gate

ID = "total_degradation"


def check(evidence: Evidence) -> Iterator[Gate]:
    """The primary metric may lose `gates.max_total_degradation` against the champion, the model that prod serves."""
    gates = evidence.params.gates
    if evidence.champion is None and evidence.no_champion:
        margin = gates.max_total_degradation
        yield Gate(ID, "Degradation against prod", "neutral", None, margin, evidence.no_champion)
    else:
        yield judged(ID, "prod", gates.primary, gates.max_total_degradation, evidence.champion, evidence)
