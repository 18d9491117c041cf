"""What no object of manifests/ may break, whatever an overlay changes. A rule's docstring is what a person reads.

A rule of a container is given the container and its pod's spec; it returns what is wrong, or nothing.
"""

from collections.abc import Iterator

from mlops.delivery.overlay import DIGEST

UNBOUND = {"Namespace"}  # kinds without a namespace
KINDS = UNBOUND | {  # no rights, no secrets: what is not here is not the template's to bring
    "ConfigMap", "CronJob", "Deployment", "HorizontalPodAutoscaler", "Ingress", "Job", "NetworkPolicy", "Pod", "PodDisruptionBudget",
    "PodMonitor", "PrometheusRule", "Service", "ServiceAccount",
}  # fmt: skip
UNNAMED = (None, "default")  # namespaces that are nobody's
PROBES = ("startupProbe", "readinessProbe", "livenessProbe")


def faults(objects: list[dict]) -> list[str]:
    """Return a sentence for each rule that an object breaks."""
    found = [f"{_name(each)} {fault}" for each in objects for fault in _of_object(each)]
    for each in objects:
        for container, spec in _containers(each):
            for rule in CONTAINER_RULES:
                if wrong := rule(container, spec):
                    found.append(f"{_name(each)}, container {container['name']}: {rule.__doc__} It has {wrong}.")
    if not any(_denies_all(each) for each in objects):
        found.append("No NetworkPolicy denies everything that no other one allows.")
    return found


def strangers(objects: list[dict], images: set[str]) -> list[str]:
    """Return a sentence for each container whose image, or what it is told of it, is none that the overlay lists.

    `images:` is what people review, and what trace and verdict read: a patch may not put another one in its place.
    """
    found = []
    for each in objects:
        for container, _ in _containers(each):
            told = [one.get("value") for one in container.get("env", ()) if one["name"] == "IMAGE_DIGEST"]
            if container["image"] not in images or not {*told} <= {container["image"]}:
                found.append(
                    f"{_name(each)}, container {container['name']}: {container['image']} is no image of the overlay's list."
                )
    return found


def pinned(objects: list[dict]) -> set[str]:
    """Return the images that manifests/base itself names by a digest: the router's, which no overlay lists."""
    found = {container["image"] for each in objects for container, _ in _containers(each)}
    return {image for image in found if DIGEST.fullmatch(image.partition("@")[2])}


def digest_only(container: dict, spec: dict) -> str | None:
    """An image is named by its digest, as a tag may move."""
    repository, _, digest = container["image"].partition("@")
    tagged = ":" in repository.rpartition("/")[2]
    return None if DIGEST.fullmatch(digest) and not tagged else container["image"]


def non_root(container: dict, spec: dict) -> str | None:
    """A container runs as a user that is not root."""
    said = spec.get("securityContext", {}) | container.get("securityContext", {})
    return None if said.get("runAsNonRoot") is True and said.get("runAsUser") != 0 else str(said)


def read_only(container: dict, spec: dict) -> str | None:
    """A container's root file system is read-only."""
    said = container.get("securityContext", {})
    return None if said.get("readOnlyRootFilesystem") is True else str(said)


def no_privileges(container: dict, spec: dict) -> str | None:
    """A container gains no privilege, has no capability, and the runtime's seccomp profile."""
    said = spec.get("securityContext", {}) | container.get("securityContext", {})
    right = said.get("allowPrivilegeEscalation") is False and not said.get("privileged")
    dropped = said.get("capabilities") == {"drop": ["ALL"]}
    profiled = said.get("seccompProfile", {}).get("type") == "RuntimeDefault"
    return None if right and dropped and profiled else str(said)


def limits(container: dict, spec: dict) -> str | None:
    """A container says how much processor and memory it needs, and how much it may take."""
    said = container.get("resources", {})
    right = all({"cpu", "memory"} <= set(said.get(part, ())) for part in ("requests", "limits"))
    return None if right else str(said)


def probes(container: dict, spec: dict) -> str | None:
    """A container is asked whether it has started, is ready and lives."""
    if container not in spec["containers"]:  # one that runs before the others and ends cannot be asked
        return None
    missing = [name for name in PROBES if name not in container]
    return f"no {', '.join(missing)}" if missing else None


def no_token(container: dict, spec: dict) -> str | None:
    """A pod holds no token of the cluster's API."""
    return (
        None
        if spec.get("automountServiceAccountToken") is False
        else "one, as automountServiceAccountToken is not false"
    )


CONTAINER_RULES = (digest_only, non_root, read_only, no_privileges, limits, probes, no_token)


def _of_object(each: dict) -> Iterator[str]:
    namespace = each["metadata"].get("namespace")
    if each["kind"] not in UNBOUND and namespace in UNNAMED:
        yield f"is in namespace {namespace}: the overlay's line `namespace:` should name one of its own."
    if each["kind"] not in KINDS:
        yield f"is of a kind that the policy does not know: it knows {', '.join(sorted(KINDS))}."
    held = [name for name in ("hostNetwork", "hostPID", "hostIPC") if _pod(each).get(name)]
    held += [f"hostPath {volume['name']}" for volume in _pod(each).get("volumes", ()) if "hostPath" in volume]
    held += [
        f"hostPort of {c['name']}" for c, _ in _containers(each) for port in c.get("ports", ()) if "hostPort" in port
    ]
    if held:
        yield f"reaches into its node by {', '.join(held)}: take it out."
    rolling = each.get("spec", {}).get("strategy", {}).get("rollingUpdate", {})
    if each["kind"] == "Deployment" and rolling.get("maxUnavailable") != 0:
        yield "may have fewer pods while it is updated: strategy.rollingUpdate.maxUnavailable should be 0."


def _pod(each: dict) -> dict:
    """Return the spec of an object's pods, {} where it has none."""
    spec = each.get("spec", {})
    if each["kind"] == "CronJob":
        spec = spec.get("jobTemplate", {}).get("spec", {})
    return spec if each["kind"] == "Pod" else spec.get("template", {}).get("spec", {})


def _containers(each: dict) -> Iterator[tuple[dict, dict]]:
    spec = _pod(each)
    for container in [*spec.get("containers", ()), *spec.get("initContainers", ())]:
        yield container, spec


def _denies_all(each: dict) -> bool:
    spec = each.get("spec", {})
    closed = spec.get("podSelector") == {} and set(spec.get("policyTypes", ())) == {"Ingress", "Egress"}
    return each["kind"] == "NetworkPolicy" and closed and not spec.get("ingress") and not spec.get("egress")


def _name(each: dict) -> str:
    return f"{each['kind']} {each['metadata']['name']}"
