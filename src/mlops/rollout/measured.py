"""What a source of figures says of the two arms of a step: plain counts, whichever source they come from."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Arm:
    """What one arm was asked, and what its users got.

    requests: assigned to the arm (of a shadow: copies sent). failed: of them, answered with a status of 5xx; None where the source
    does not know. p98, p99: of the time to an answer, ms; None where nobody knows it. scores: how many fell in each bin, the same
    bins for both arms; empty where nobody knows them.
    """

    requests: int = 0
    failed: int | None = None
    p98: float | None = None
    p99: float | None = None
    scores: tuple[float, ...] = ()


@dataclass(frozen=True)
class Measured:
    """What is known of a span of time.

    seconds: how long it is. elsewhere: requests of the challenger's arm that the champion answered in its place (of a shadow:
    copies that failed). answered: those that the challenger answered itself, None where the source cannot tell. due: requests that have had the time to be answered,
    and their answers to be counted. agreement: (pairs of answers to the same request, share of them that agree), None where
    requests are not paired. worse: the interval (low, high) by which the challenger is worse in the primary metric, None without
    labels.
    """

    seconds: float
    champion: Arm = field(default_factory=Arm)
    challenger: Arm = field(default_factory=Arm)
    elsewhere: int = 0
    answered: int | None = 0
    due: int = 0
    agreement: tuple[int, float] | None = None
    worse: tuple[float, float] | None = None
