"""What may go wrong in a canary, under load: each function lets it happen, and returns what callers met before and after."""

import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from load import Answer, Load
from router import ROOT, Router, free_port, manager, read
from serving import Served

WARM = 1.0  # seconds of load that do not count
SHORTER = 4  # times: a router's restart here is that much shorter than in manifests/, in all of its parts
LAG = 0.5  # seconds until kube-proxy has heard that an endpoint ends
READY = 2.0  # seconds until a probe has asked a pod that starts
ABSENT = "never starts"


@dataclass(frozen=True)
class Seen:
    """Answers before a fault and from it on."""

    before: list[Answer]
    after: list[Answer]

    @property
    def failed(self) -> list[Answer]:
        """Those that are no 200."""
        return [answer for answer in (*self.before, *self.after) if answer.status != 200 and not answer.begun]

    @property
    def broken(self) -> list[Answer]:
        """Those of which the caller had the head when who gave it was gone: what no router can mend."""
        return [answer for answer in (*self.before, *self.after) if answer.begun]

    @property
    def ratio(self) -> float:
        """The p99 from the fault on against the one before."""
        return p99(self.after) / p99(self.before)


def drain() -> float:
    """How long a service answers on after SIGTERM."""
    lines = (ROOT / "manifests/base/model.env").read_text(encoding="utf-8").splitlines()
    return next(float(line.partition("=")[2]) for line in lines if line.startswith("DRAIN_SECONDS="))


def pause() -> float:
    """How long a router waits before it ends."""
    (container,) = read("base/router/deployment.yaml")["spec"]["template"]["spec"]["containers"]
    return container["lifecycle"]["preStop"]["sleep"]["seconds"]


def p99(answers: list[Answer]) -> float:
    """Return the 99th percentile of their seconds."""
    seconds = sorted(answer.seconds for answer in answers)
    return seconds[int(0.99 * (len(seconds) - 1))]


def listening(port: int) -> int:
    """Return the port once somebody listens on it."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return port
        except OSError:
            time.sleep(0.02)
    raise AssertionError(f"nobody listens on {port}")


@contextmanager
def stand_in(kind: str, port: int, seconds: float = 0) -> Iterator[None]:
    """Let rollout/standin.py listen on the port as soon as it is free."""
    command = [sys.executable, Path(__file__).with_name("standin.py"), str(port), kind, str(seconds)]
    process = subprocess.Popen(command)
    try:
        yield
    finally:
        process.kill()
        process.wait()


@contextmanager
def killed(challenger: Served) -> Iterator[Callable]:
    """It is gone, and its port refuses."""
    yield lambda: challenger.stop(signal.SIGKILL)


@contextmanager
def hung(challenger: Served) -> Iterator[Callable]:
    """It takes connections, and never answers."""
    yield lambda: challenger.process.send_signal(signal.SIGSTOP)
    challenger.process.send_signal(signal.SIGCONT)


@contextmanager
def failing(challenger: Served) -> Iterator[Callable]:
    """It answers 500."""
    with stand_in("error", challenger.port):
        yield lambda: challenger.stop(signal.SIGKILL)


@contextmanager
def babbling(challenger: Served) -> Iterator[Callable]:
    """Something that is no model answers 200 in its place."""
    with stand_in("junk", challenger.port):
        yield lambda: challenger.stop(signal.SIGKILL)


@contextmanager
def slowed(challenger: Served) -> Iterator[Callable]:
    """It runs a third of the time."""
    ended = threading.Event()

    def run() -> None:
        while not ended.is_set():
            challenger.process.send_signal(signal.SIGSTOP)
            time.sleep(0.006)
            challenger.process.send_signal(signal.SIGCONT)
            time.sleep(0.003)

    thread = threading.Thread(target=run)
    yield thread.start
    ended.set()
    thread.join()


FAULTS = {
    "killed": killed,
    "hung": hung,
    "answers 500": failing,
    "3 times slower": slowed,
    "answers garbage": babbling,
    ABSENT: None,
}


@dataclass(frozen=True)
class World:
    """What a fault happens in. models: folders of champion and challenger. seconds: of load before, and after it."""

    models: tuple[Path, Path]
    body: bytes
    folder: Path
    seconds: float
    rate: float = 300

    def served(self, stack: ExitStack, model: int, **variables) -> Served:
        """Start a service of one of the models."""
        return stack.enter_context(Served(self.models[model], **variables))

    def router(self, stack: ExitStack, step: str, champions: list[int], challengers: list, **more) -> Router:
        """Start a router."""
        folder = self.folder / f"router-{free_port()}"
        return stack.enter_context(Router(folder, step, champions, challengers, **more))

    def loaded(self, ports: list[int], happen: Callable[[], object], connections: int = 64) -> Seen:
        """Let it happen under load, and wait on, until `seconds` have passed since."""
        with Load(ports, self.body, self.rate, connections) as load:
            time.sleep(WARM + self.seconds)
            start = time.monotonic()
            happen()
            time.sleep(max(0, start + self.seconds - time.monotonic()))
        return Seen(load.between(load.started + WARM, start), load.between(start, float("inf")))


def challenger_fails(world: World, step: str, fault: str) -> tuple[Seen, dict[str, float]]:
    """Return what callers meet where the challenger fails, and the router's counters."""
    with ExitStack() as stack:
        champion, challenger = world.served(stack, 0), world.served(stack, 1)
        happen = stack.enter_context(FAULTS[fault](challenger))
        router = world.router(stack, step, [champion.port], [challenger.port])
        return world.loaded([router.port], happen), router.counts()


def challenger_absent(world: World, step: str) -> tuple[Seen, dict[str, float]]:
    """Return what callers meet where no challenger ever listens; before: one that does."""
    with ExitStack() as stack:
        champion, challenger = world.served(stack, 0), world.served(stack, 1)
        one = world.router(stack, step, [champion.port], [challenger.port])
        other = world.router(stack, step, [champion.port], [free_port()])
        ports = [one.port]
        seen = world.loaded(ports, lambda: ports.__setitem__(0, other.port))
        with Load([other.port], world.body, world.rate) as load:
            time.sleep(world.seconds)
        return Seen(seen.before, load.answers), other.counts()


def champions_restart(world: World, step: str) -> Seen:
    """Return what callers meet while two champions restart, one after the other. Each refuses for the time of its start."""
    with ExitStack() as stack:
        ports = [free_port(), free_port()]
        champions = [world.served(stack, 0, PORT=port, DRAIN_SECONDS=drain() / SHORTER) for port in ports]
        challenger = world.served(stack, 1)
        router = world.router(stack, step, ports, [challenger.port])

        def restart() -> None:
            for champion, port in zip(champions, ports, strict=True):
                champion.stop()
                world.served(stack, 0, PORT=port)
                time.sleep(READY)

        return world.loaded([router.port], restart)


def champions_stall(world: World, step: str, seconds: float) -> Seen:
    """Return what callers meet while no champion, and no challenger, answers for so long."""
    with ExitStack() as stack:
        champions, challenger = [world.served(stack, 0) for _ in range(3)], world.served(stack, 1)
        router = world.router(stack, step, [champion.port for champion in champions], [challenger.port])

        def stall() -> None:
            for sign in (signal.SIGSTOP, signal.SIGCONT):
                for service in (*champions, challenger):
                    service.process.send_signal(sign)
                time.sleep(seconds)

        return world.loaded([router.port], stall)


def shorter(said: dict) -> None:
    """Divide a router's times by SHORTER."""
    options = manager(said)["common_http_protocol_options"]
    for place, name in (
        (options, "max_connection_duration"),
        (options, "idle_timeout"),
        (manager(said), "drain_timeout"),
    ):
        place[name] = f"{float(place[name].removesuffix('s')) / SHORTER}s"


def routers_restart(world: World, step: str) -> tuple[Seen, Seen, list[float]]:
    """Return what busy and rare callers meet while two routers are replaced, and how many connections each had at its end.

    As in a rolling update: a new one starts; the old one is told to end, and new connections still come to it until
    kube-proxy knows; after its preStop it gets SIGTERM. All of it is SHORTER than in manifests/.
    """
    with ExitStack() as stack:
        champion, challenger = world.served(stack, 0), world.served(stack, 1)
        start = lambda: world.router(stack, step, [champion.port], [challenger.port], edit=shorter)  # noqa: E731
        old, left = [start(), start()], []
        ports = [router.port for router in old]

        def restart() -> None:
            for router in old:
                ports.append(start().port)
                time.sleep(LAG)
                ports.remove(router.port)
                time.sleep(pause() / SHORTER - LAG)
                left.append(router.counts()['envoy_http_downstream_cx_active{envoy_http_conn_manager_prefix="router"}'])
                router.stop()

        with Load(ports, world.body, rate=10, connections=15) as rare:
            busy = world.loaded(ports, restart)
        return busy, Seen([], rare.answers), left


def shadowed(world: World, rounds: int) -> list[tuple[list[Answer], list[Answer]]]:
    """Return answers without and with copies to a challenger, in rounds that take turns."""
    with ExitStack() as stack:
        champion, challenger = world.served(stack, 0), world.served(stack, 1)
        routers = [world.router(stack, step, [champion.port], [challenger.port]) for step in ("stable", "shadow")]
        return [tuple(_round(world, router) for router in routers) for _ in range(rounds)]


def _round(world: World, router: Router) -> list[Answer]:
    with Load([router.port], world.body, world.rate) as load:
        time.sleep(WARM + world.seconds)
    return load.between(load.started + WARM, float("inf"))
