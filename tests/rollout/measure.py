"""What a canary costs its users: python tests/rollout/measure.py [seconds] [rate] [faults] [shadow] [guard] prints tables in Markdown.

Two models are trained on few rows; each line has services and routers of its own. Seconds (10) are those of load before a fault, and
at least as many from it on; rate (300) is in requests a second. Without a word: all three.
"""

import contextlib
import json
import os
import statistics
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests/sample/src")]

from mlops.onnx_model import Model  # noqa: E402
from mlops.serve.scorer import Scorer  # noqa: E402
from rollout import faults  # noqa: E402
from rollout.alarms import rolled_back  # noqa: E402
from rollout.faults import ABSENT, FAULTS, Seen, World, p99  # noqa: E402
from tables import Folder, applications, one_thread  # noqa: E402

ROUNDS = 8


def say(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def trained(path: Path, seed: int) -> Path:
    """A pipeline that ran to evaluate."""
    path.mkdir()
    os.chdir(path)
    with one_thread():
        Folder(path).start().set_params({"train.seed": seed}).raw(applications()).run("prepare", "train", "evaluate")
    return path


def line(what: str, step: str, seen: Seen) -> None:
    """Print one."""
    after = sorted(seen.after, key=lambda answer: answer.at)
    later = after[len(after) // 2 :]
    figures = [f"{1000 * p99(part):.1f}" for part in (seen.before, after, later)]
    requests = len(seen.before) + len(after)
    for answer in (*seen.failed, *seen.broken):
        sys.stderr.write(f"{what}, {step}: {answer}, {answer.at - after[0].at:.3f} s after the fault\n")
    say(
        f"| {what} | {step} | {requests:,} | {len(seen.failed)} + {len(seen.broken)} | {' | '.join(figures)} | {seen.ratio:.2f} |"
    )


def shadow(world: World) -> None:
    """Print how the p99 with copies is to the one without, a ratio a round: their median, and all."""
    rounds = faults.shadowed(world, ROUNDS)
    ratios = sorted(p99(copied) / p99(alone) for alone, copied in rounds)
    alone, copied = (statistics.median(p99(each[place]) for each in rounds) for place in (0, 1))
    say(f"\nShadow, p99 of {ROUNDS} rounds of each: {1000 * alone:.2f} ms without, {1000 * copied:.2f} ms with;")
    say(f"ratio {statistics.median(ratios):.3f} (of the rounds: {', '.join(f'{ratio:.2f}' for ratio in ratios)})")


def main(seconds: float, rate: float, folder: Path) -> None:
    """Print everything."""
    models = trained(folder / "champion", 1), trained(folder / "challenger", 2)
    scorer = Scorer(Model.read(models[0] / "models/model.onnx"), Folder(models[0]).table, max_rows=2000)
    world = World(models, json.dumps(scorer.example).encode(), folder, seconds, rate)
    parts = {"faults": faulty, "shadow": shadow, "guard": guarded}
    for name in [each for each in parts if each in sys.argv] or parts:
        parts[name](world)


def guarded(world: World) -> None:
    """Print how long each fault takes to the merged rollback, with the guard looking each second."""
    hashes = tuple(Model.read(each / "models/model.onnx").hash for each in world.models)
    say("\n| challenger | seconds from the fault to the merged rollback | why |\n|---|---|---|")
    for fault in FAULTS:
        folder = world.folder / f"guard-{fault}"
        folder.mkdir()
        with contextlib.redirect_stdout(sys.stderr):
            found = rolled_back(world, folder, hashes, fault)
        say(f"| {fault} | {found.seconds:.1f} | {found.why} |")


def faulty(world: World) -> None:
    """Print the table."""
    say(
        "| what | step | requests | failed + broken off | p99 before, ms | p99 from it on | p99 of the later half | ratio |"
    )
    say("|---|---|---|---|---|---|---|---|")
    for fault in FAULTS:
        for step in ("canary-05", "canary-50"):
            if fault == ABSENT:
                seen, _ = faults.challenger_absent(world, step)
            else:
                seen, _ = faults.challenger_fails(world, step, fault)
            line(f"challenger {fault}", step, seen)
    for step in ("stable", "canary-50"):
        line("two champions restart in turn", step, faults.champions_restart(world, step))
    busy, rare, _ = faults.routers_restart(world, "canary-50")
    line(
        f"two routers are replaced (of {len(rare.after):,} rare callers {len(rare.failed) + len(rare.broken)} failed)",
        "canary-50",
        busy,
    )


if __name__ == "__main__":
    given = [float(word) for word in sys.argv[1:] if word[0].isdigit()]
    with tempfile.TemporaryDirectory() as scratch:
        main(*given, *(10.0, 300.0)[len(given) :], Path(scratch))
