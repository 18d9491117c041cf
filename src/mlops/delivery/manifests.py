"""Verb `manifests`: render every overlay and hold it against the policy. Run: mlops manifests."""

from pathlib import Path

from mlops.delivery import overlay, policy
from mlops.delivery.render import rendered
from mlops.errors import CannotRun
from mlops.paths import BASE, OVERLAY, OVERLAYS
from mlops.rollout import step


def run(args) -> int:
    """Return 1 where an overlay breaks a rule; raises CannotRun where one cannot be rendered."""
    broken = 0
    if not overlay.environments():
        raise CannotRun(f"{OVERLAYS} has no environment: there is nothing to judge, which is no pass")
    own = policy.pinned(rendered(BASE))
    for environment in overlay.environments():
        images = {*map(str, overlay.read(environment).values()), *own}
        objects = rendered(Path(OVERLAY.format(environment)).parent)
        name = OVERLAY.format(environment)
        step.current(Path(name).read_text(encoding="utf-8"), name)  # without one the router has no routes
        found = policy.faults(objects) + policy.strangers(objects, images)
        print(f"{environment}: {len(objects)} objects, {f'{len(found)} faults' if found else 'no fault'}")
        for fault in found:
            print(f"- {fault}")
        broken += len(found)
    return int(bool(broken))
