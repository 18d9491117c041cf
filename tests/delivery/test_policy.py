"""Every rule lets what is right pass, and names what is wrong."""

import copy

import pytest

from mlops.delivery import policy

DIGEST = f"sha256:{'a' * 64}"
CONTAINER = {
    "name": "model",
    "image": f"ghcr.io:443/acme/model@{DIGEST}",
    "securityContext": {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    },
    "resources": {"requests": {"cpu": 1, "memory": 1}, "limits": {"cpu": 1, "memory": 1}},
    **{name: {"httpGet": {"path": "/"}} for name in policy.PROBES},
}
SPEC = {
    "automountServiceAccountToken": False,
    "securityContext": {"runAsNonRoot": True, "runAsUser": 10001, "seccompProfile": {"type": "RuntimeDefault"}},
    "containers": [CONTAINER],
}
DEPLOYMENT = {
    "kind": "Deployment",
    "metadata": {"name": "champion", "namespace": "prod"},
    "spec": {"strategy": {"rollingUpdate": {"maxUnavailable": 0}}, "template": {"spec": SPEC}},
}
CLOSED = {
    "kind": "NetworkPolicy",
    "metadata": {"name": "deny-all", "namespace": "prod"},
    "spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]},
}


def changed(path: str, value) -> list[dict]:
    """The right objects with one value of the Deployment changed: `path` from its spec, {} where None."""
    deployment = copy.deepcopy(DEPLOYMENT)
    held, *keys = deployment, *path.split(".")
    for key in keys[:-1]:
        held = held[int(key) if key.isdigit() else key]
    if value is None:
        del held[keys[-1]]
    else:
        held[keys[-1]] = value
    return [deployment, CLOSED]


def test_right_objects_have_no_fault():
    """The pod's words count for its containers."""
    assert [] == policy.faults([DEPLOYMENT, CLOSED])


POD = "spec.template.spec"
MODEL = f"{POD}.containers.0"


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (f"{MODEL}.image", "ghcr.io/acme/model:v1", "named by its digest"),
        (f"{MODEL}.image", f"ghcr.io/acme/model:v1@{DIGEST}", "named by its digest"),
        (f"{MODEL}.image", "champion", "named by its digest"),
        (f"{MODEL}.image", "champion@sha256:abc", "named by its digest"),
        (f"{POD}.securityContext.runAsNonRoot", None, "not root"),
        (f"{POD}.securityContext.runAsUser", 0, "not root"),
        (f"{MODEL}.securityContext.runAsNonRoot", False, "not root"),
        (f"{MODEL}.securityContext.readOnlyRootFilesystem", None, "read-only"),
        (f"{MODEL}.securityContext.allowPrivilegeEscalation", None, "no privilege"),
        (f"{MODEL}.securityContext.privileged", True, "no privilege"),
        (f"{MODEL}.securityContext.capabilities", {"drop": ["ALL"], "add": ["NET_ADMIN"]}, "no capability"),
        (f"{POD}.securityContext.seccompProfile", {"type": "Unconfined"}, "seccomp"),
        (f"{MODEL}.resources.limits", {"cpu": 1}, "may take"),
        (f"{MODEL}.resources", None, "may take"),
        (f"{MODEL}.startupProbe", None, "no startupProbe"),
        (f"{MODEL}.livenessProbe", None, "no livenessProbe"),
        (f"{POD}.automountServiceAccountToken", None, "no token"),
        ("metadata.namespace", None, "is in namespace None"),
        ("metadata.namespace", "default", "is in namespace default"),
        ("spec.strategy", None, "maxUnavailable should be 0"),
        (
            f"{POD}.initContainers",
            [{k: v for k, v in CONTAINER.items() if "Probe" not in k} | {"image": "busybox"}],
            "busybox",
        ),
        (f"{POD}.hostNetwork", True, "reaches into its node by hostNetwork"),
        (f"{POD}.volumes", [{"name": "root", "hostPath": {"path": "/"}}], "reaches into its node by hostPath root"),
        (f"{MODEL}.ports", [{"hostPort": 80}], "reaches into its node by hostPort of model"),
    ],
)
def test_one_wrong_value_is_one_fault(path, value, said):
    """It names the object, the rule and what was found."""
    (fault,) = policy.faults(changed(path, value))
    assert fault.startswith("Deployment champion")
    assert said in fault


@pytest.mark.parametrize("kind", ["Pod", "CronJob"])
def test_every_pod_is_looked_at(kind):
    """However it comes to be."""
    pod = SPEC | {"containers": [CONTAINER | {"image": "model:v1"}]}
    job = {"jobTemplate": {"spec": {"template": {"spec": pod}}}}
    each = {"kind": kind, "metadata": {"name": "x", "namespace": "prod"}, "spec": pod if kind == "Pod" else job}
    (fault,) = policy.faults([each, CLOSED])
    assert fault.startswith(f"{kind} x, container model: An image is named by its digest")


@pytest.mark.parametrize("kind", ["ClusterRoleBinding", "Role", "Secret", "DaemonSet"])
def test_a_kind_that_the_policy_does_not_know_is_a_fault(kind):
    """Rights, secrets, and what nobody thought of."""
    each = {"kind": kind, "metadata": {"name": "x", "namespace": "prod"}}
    (fault,) = policy.faults([each, CLOSED])
    assert "is of a kind that the policy does not know" in fault


def test_an_image_that_the_overlay_does_not_list_is_a_stranger():
    """A patch has put it there; nor may the service be told of another."""
    listed = {CONTAINER["image"]}
    assert [] == policy.strangers([DEPLOYMENT, CLOSED], listed)
    assert 1 == len(policy.strangers(changed(f"{MODEL}.image", f"evil.example/x@{DIGEST}"), listed))
    told = changed(f"{MODEL}.env", [{"name": "IMAGE_DIGEST", "value": "another"}])
    assert 1 == len(policy.strangers(told, listed))


@pytest.mark.parametrize(
    "spec",
    [
        {"podSelector": {}, "policyTypes": ["Ingress"]},
        {"podSelector": {"matchLabels": {"a": "b"}}, "policyTypes": ["Ingress", "Egress"]},
        {"podSelector": {}, "policyTypes": ["Ingress", "Egress"], "egress": [{}]},
    ],
)
def test_what_is_not_closed_is_open(spec):
    """One way, for some pods, or with a hole."""
    (fault,) = policy.faults([DEPLOYMENT, CLOSED | {"spec": spec}])
    assert "denies everything" in fault


def test_what_base_names_by_a_digest_is_known_and_a_placeholder_is_not():
    """The router's image is in no overlay; champion and challenger are."""
    right = changed(
        "spec.template.spec.containers",
        [CONTAINER, CONTAINER | {"image": "champion"}, CONTAINER | {"image": "envoy:v1"}],
    )
    assert {CONTAINER["image"]} == policy.pinned(right)
