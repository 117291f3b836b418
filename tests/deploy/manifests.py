"""The Kubernetes manifests: rendered by kustomize, against the schemas of the API, and against each other."""

import re
import subprocess
import tempfile
from pathlib import Path

import kubernetes_validate
import yaml

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
# The oldest release with all that the manifests use, and the newest whose schemas the package has.
RELEASES = ["1.31", "1.37"]
UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}
# Mistakes that each must be found: what is replaced, by what, in the rendered example.
MISTAKES = [
    ("readOnlyRootFilesystem", "readonlyRootFilesystem"),
    ("terminationGracePeriodSeconds: 30", "terminationGracePeriodSeconds: 20"),
    ("terminationGracePeriodSeconds: 30", "terminationGracePeriodSeconds: thirty"),
    ("targetPort: http", "targetPort: https"),
    ("path: /readyz\n            port: admin", "path: /readyz\n            port: administration"),
    ("apiVersion: policy/v1\n", "apiVersion: policy/v2\n"),
    ("kind: Deployment\n    name: hullo", "kind: Deployment\n    name: hello"),
    ("maxUnavailable: 1\n  selector:\n    matchLabels:\n      app.kubernetes.io/name: hullo",
     "maxUnavailable: 1\n  selector:\n    matchLabels:\n      app.kubernetes.io/name: hello"),
    ("runAsNonRoot: true", "runAsNonRoot: false"),
]


def rendered(folder):
    command = ["kubectl", "kustomize", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode or done.stderr:
        raise ValueError(f"{' '.join(command)}: {done.stderr}")
    return done.stdout


def example(components=()):
    """The example, rendered, with components as its comment says."""
    source = DEPLOY / "kubernetes/overlays/example"
    if not components:
        return rendered(source)
    with tempfile.TemporaryDirectory(dir=source.parent, prefix="check-") as scratch:
        text = (source / "kustomization.yaml").read_text()
        text = re.sub(r"(?m)^# (components:|  - \.\./)", r"\1", text)
        (Path(scratch) / "kustomization.yaml").write_text(text)
        (Path(scratch) / "namespace.yaml").write_text((source / "namespace.yaml").read_text())
        return rendered(scratch)


def seconds(time):
    return sum(float(n) * UNITS[unit] for n, unit in re.findall(r"([\d.]+)(ms|s|m|h)", time))


def find(objects, kind):
    found = [it for it in objects if it["kind"] == kind]
    if len(found) != 1:
        raise ValueError(f"{len(found)} of kind {kind}")
    return found[0]


def valid(text):
    """Every object is as the schemas of the API say, without a field that they do not know."""
    objects = [it for it in yaml.safe_load_all(text) if it]
    for it in objects:
        for release in RELEASES:
            try:
                kubernetes_validate.validate(it, release, strict=True)
            except (kubernetes_validate.ValidationError, kubernetes_validate.SchemaNotFoundError) as error:
                raise ValueError(f"{it['kind']}, {release}: {getattr(error, 'message', error)}") from None
    return objects


def true(condition, sentence):
    if not condition:
        raise ValueError(sentence)


def confined(pod):
    """The pod asks for no more than the strictest of the Pod Security Standards allows."""
    true(pod["securityContext"]["runAsNonRoot"], "it may run as root")
    true(pod["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault", "no seccomp profile")
    true(pod["automountServiceAccountToken"] is False, "it gets a token for the API")
    for container in pod["containers"]:
        context = container["securityContext"]
        true(context["capabilities"] == {"drop": ["ALL"]}, "it has capabilities")
        true(context["readOnlyRootFilesystem"], "it may write")
        true(context["allowPrivilegeEscalation"] is False, "it may get privileges")


def consistent(objects):
    """What the schemas cannot say: names refer to something, and times add up."""
    deployment = find(objects, "Deployment")
    spec = deployment["spec"]["template"]["spec"]
    labels = deployment["spec"]["template"]["metadata"]["labels"].items()
    (container,) = spec["containers"]
    confined(spec)

    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    service = find(objects, "Service")["spec"]
    for port in service["ports"]:
        true(port["targetPort"] in ports, f"the service's port {port['targetPort']} is not the pod's")
    for name in ("startupProbe", "readinessProbe", "livenessProbe"):
        true(container[name]["httpGet"]["port"] in ports, f"the port of the {name} is not the pod's")
    selectors = [deployment["spec"]["selector"]["matchLabels"], service["selector"]]
    selectors.append(find(objects, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"])
    selectors += [it["labelSelector"]["matchLabels"] for it in spec["topologySpreadConstraints"]]
    for selector in selectors:
        true(selector and selector.items() <= labels, f"{selector} does not select the pods")
    scaler = find(objects, "HorizontalPodAutoscaler")["spec"]
    target = scaler["scaleTargetRef"]
    true(target["name"] == deployment["metadata"]["name"], "the autoscaler scales something else")
    true("replicas" not in deployment["spec"], "replicas are the autoscaler's, but the Deployment sets them")
    true(scaler["minReplicas"] > find(objects, "PodDisruptionBudget")["spec"]["maxUnavailable"], "a drain takes all")

    environment = {it["name"]: it["value"] for it in container["env"]}
    drain = seconds(environment["HULLO_DRAIN_DELAY"]) + seconds(environment["HULLO_GRACE"])
    patience = spec["terminationGracePeriodSeconds"]
    # hullo gives an idle connection one more second.
    true(drain + 1 < patience, f"it drains for up to {drain} s, and is killed after {patience} s")
    probe = container["readinessProbe"]
    unready = probe["periodSeconds"] * probe["failureThreshold"]
    true(unready < seconds(environment["HULLO_DRAIN_DELAY"]), f"found unready after {unready} s, in the drain")
    return f"drains for up to {drain:g} s of {patience} s"


def check():
    """One line of figures. An error is a ValueError."""
    text = example()
    said = consistent(valid(text))
    consistent(valid(rendered(DEPLOY / "kubernetes/base")))
    busy = valid(example(["busy-seconds"]))
    consistent(busy)
    metric = find(busy, "HorizontalPodAutoscaler")["spec"]["metrics"][0]
    true(metric["type"] == "Pods", "the component changes nothing")
    (job,) = valid((DEPLOY / "bench/job.yaml").read_text())
    confined(job["spec"]["template"]["spec"])
    for right, wrong in MISTAKES:
        true(text.count(right) >= 1, f"the example has no {right!r}")
        try:
            consistent(valid(text.replace(right, wrong)))
        except ValueError:
            continue
        raise ValueError(f"a mistake is not found: {wrong!r}")
    return f"valid for Kubernetes {' and '.join(RELEASES)}; {said}; {len(MISTAKES)} of {len(MISTAKES)} mistakes found"


def container():
    """The container of the base, with its environment and the pod's patience."""
    spec = find(valid(rendered(DEPLOY / "kubernetes/base")), "Deployment")["spec"]["template"]["spec"]
    return spec["containers"][0], spec["terminationGracePeriodSeconds"]
