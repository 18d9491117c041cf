"""Figures from Prometheus: the router's counters first, as a challenger that is dead says nothing of itself."""

import json
import math
import os
import time
from dataclasses import dataclass, field, replace
from http.client import HTTPException
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from mlops.errors import CannotRun
from mlops.rollout.measured import Arm, Measured
from mlops.rollout.step import SHADOW

TIMEOUT = 20  # seconds for an answer
LARGEST = 5_000_000  # bytes of one
ARMS = "challenger|shadow"  # what the router tells a service; requests of these that the champion counts are failovers
PODS = "challenger-pods"  # the router's cluster of the challenger's own pods; `challenger` has the champion's behind it
LAG = 60  # seconds: two scrapes of the router and of a service are not at the same moment


@dataclass(frozen=True)
class Prometheus:
    """A server at `url`, asked about one namespace; `token` is sent as a bearer's, where there is one.

    at: the time, in seconds since 1970, that all questions are asked of: figures of different moments have no difference.
    """

    url: str
    namespace: str
    token: str = field(default="", repr=False)
    at: float = field(default_factory=time.time)

    def measured(self, seconds: float, step: str, models: tuple[str, str] = ("", "")) -> Measured:
        """Return the figures of the last `seconds` of a step. Roles are told apart by the label `component`: both may have one model.

        Raises CannotRun where the server gives no answer, or knows no router of this namespace.
        """
        self._known()
        mine = PODS if step == SHADOW else "challenger"
        span = f"[{max(1, math.ceil(seconds))}s]"
        champion, challenger = (self._arm(cluster, span) for cluster in ("champion", mine))
        scores = [
            self._scores(each, span) for each in ('component="champion", arm!="challenger"', 'component="challenger"')
        ]
        (edges, theirs), (others, own) = scores
        if edges != others:  # bins of another contract are no bins of this one
            theirs = own = ()
        elsewhere, answered = self._answered(challenger, step, span)
        requests = max(challenger.requests, elsewhere + answered)
        arms = (replace(champion, scores=theirs), replace(challenger, scores=own, requests=requests))
        due = self._due(mine, math.ceil(seconds) - LAG)
        return Measured(seconds, *arms, elsewhere, answered, due)

    def _answered(self, challenger: Arm, step: str, span: str) -> tuple[int, int]:
        """Return (requests that went elsewhere, requests that the challenger answered).

        The services count both themselves. Where nobody scrapes them, the router's counters give the difference: an attempt at the
        challenger's pods that failed is tried again, and who tried none of them went to the champion at once.
        """
        if self._ask(f"count({self._served('champion')})"):
            theirs, own = (
                math.ceil(self._sum(f"increase({self._served(each, ARMS)}{span})"))
                for each in ("champion", "challenger")
            )
            return (challenger.failed or 0) if step == SHADOW else theirs, own
        if step == SHADOW:
            elsewhere = challenger.failed or 0
        else:
            attempts, retries = (
                self._router("upstream_rq_total", PODS, span),
                self._router("upstream_rq_retry", "challenger", span),
            )
            elsewhere = min(challenger.requests, max(0, round(challenger.requests - attempts + retries)))
        return elsewhere, challenger.requests - elsewhere

    def _due(self, mine: str, seconds: int) -> int:
        """Return requests since the same begin, without the last ones: their answers may not be counted yet."""
        if seconds <= 0:
            return 0
        span = f"[{seconds}s] offset {LAG}s"
        return math.ceil(
            self._router("upstream_rq_completed", mine, span) or self._router("upstream_rq_total", PODS, span)
        )

    def _known(self) -> None:
        asked = f'count(envoy_cluster_upstream_rq_completed{{namespace="{self.namespace}"}})'
        if not self._ask(asked):
            raise CannotRun(
                f"Prometheus has no counters of a router with the label namespace={self.namespace}: is it scraped? "
                "manifests/monitoring says how"
            )

    def _arm(self, cluster: str, span: str) -> Arm:
        requests = round(self._router("upstream_rq_completed", cluster, span))
        failed = round(self._router("upstream_rq_xx", cluster, span, ', envoy_response_code_class="5"'))
        times = f"sum by (le) (increase({self._series('upstream_rq_time_bucket', cluster)}{span}))"
        p98, p99 = (self._ask(f"histogram_quantile({share}, {times})") for share in (0.98, 0.99))
        known = p99 and not math.isnan(p99[0][1])
        return Arm(requests, failed, p98[0][1] if known else None, p99[0][1] if known else None)

    def _router(self, metric: str, cluster: str, span: str, more: str = "") -> float:
        return self._sum(f"increase({self._series(metric, cluster, more)}{span})")

    def _sum(self, increases: str) -> float:
        found = self._ask(f"sum({increases})")
        return found[0][1] if found and not math.isnan(found[0][1]) else 0.0

    def _served(self, component: str, arms: str = "") -> str:
        more = f', arm=~"{arms}", outcome!="failed"' if arms else ""
        return f'predict_requests_total{{namespace="{self.namespace}", component="{component}"{more}}}'

    def _series(self, metric: str, cluster: str, more: str = "") -> str:
        return f'envoy_cluster_{metric}{{namespace="{self.namespace}", envoy_cluster_name="{cluster}"{more}}}'

    def _scores(self, whose: str, span: str) -> tuple[list[float], tuple[float, ...]]:
        """Return the upper edges of the bins, and how many scores fell in each."""
        series = f'predict_score_bucket{{namespace="{self.namespace}", {whose}}}'
        found = self._ask(f"sum by (le) (increase({series}{span}))")
        bins = sorted((float(labels["le"]), value) for labels, value in found)
        upto = [value for _, value in bins]
        return [edge for edge, _ in bins], tuple(max(0.0, b - a) for a, b in zip([0.0, *upto], upto, strict=False))

    def _ask(self, query: str) -> list[tuple[dict[str, str], float]]:
        """Return (labels, value) of each series that a query gives now."""
        said = self._get(f"{self.url.rstrip('/')}/api/v1/query?{urlencode({'query': query, 'time': self.at})}")
        try:
            return [(each["metric"], float(each["value"][1])) for each in said["data"]["result"]]
        except (KeyError, TypeError, ValueError, IndexError):
            raise CannotRun(f"{self._shown} does not answer as Prometheus does: correct PROMETHEUS_URL") from None

    def _get(self, url: str) -> dict:
        request = Request(url, headers={"Authorization": f"Bearer {self.token}"} if self.token else {})  # noqa: S310 - _safe
        try:
            with _OPENER.open(request, timeout=TIMEOUT) as answer:
                return json.loads(answer.read(LARGEST))
        except HTTPError as error:
            reason = " ".join(error.read(300).decode("utf-8", "replace").split())
            raise CannotRun(f"{self._shown} answers {error.code} ({reason}): check PROMETHEUS_TOKEN") from None
        except (OSError, HTTPException, ValueError) as error:
            reason = error.reason if isinstance(error, URLError) else type(error).__name__
            raise CannotRun(f"{self._shown} gives no answer ({reason}): is PROMETHEUS_URL reached from here?") from None

    @property
    def _shown(self) -> str:
        parts = urlsplit(self.url)  # an address may hold a password
        return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}"


def from_environment(namespace: str, env=os.environ) -> Prometheus | None:
    """Return the server that PROMETHEUS_URL names, None where nobody has named one."""
    url = env.get("PROMETHEUS_URL", "")
    if not url:
        return None
    token = env.get("PROMETHEUS_TOKEN", "")
    return Prometheus(_safe(url, bool(token)), namespace, token)


def _safe(url: str, secret: bool) -> str:
    try:
        parts = urlsplit(url)
        known = parts.hostname and (parts.port or True)
    except ValueError:
        known = False
    if not known or parts.scheme not in ("http", "https"):
        raise CannotRun("PROMETHEUS_URL is no address: it should be https://host[:port]")
    if parts.username:
        raise CannotRun("PROMETHEUS_URL holds a name or a password, which logs would show: use PROMETHEUS_TOKEN")
    if secret and parts.scheme == "http" and parts.hostname not in ("127.0.0.1", "localhost", "::1"):
        raise CannotRun("PROMETHEUS_TOKEN is not sent over plain http: let PROMETHEUS_URL begin with https://")
    return url


class _NoRedirects(HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None  # a token is shown to nobody else


_OPENER = build_opener(_NoRedirects)
