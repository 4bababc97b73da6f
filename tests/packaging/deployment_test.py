"""deployment_test.py BUILD_DIRECTORY: tools/packaging/Dockerfile and kubernetes.yaml, which are not run here: that they use only fields that exist, that what
they refer to is there, and that everything in them runs without privileges."""
import pathlib
import re
import subprocess
import sys
import unittest

import yaml

FOLDER = pathlib.Path(__file__).parents[2] / "tools/packaging"

# Of each kind the fields that the file uses, from the reference of the Kubernetes API 1.29: a name is another kind, a list is
# repeated, a dict a map.
KINDS = {
    "Service": {"apiVersion": {"v1"}, "kind": str, "metadata": "Meta", "spec": "ServiceSpec"},
    "ServiceSpec": {"selector": {str: str}, "ports": ["ServicePort"]},
    "ServicePort": {"name": str, "port": int, "targetPort": str},
    "StatefulSet": {"apiVersion": {"apps/v1"}, "kind": str, "metadata": "Meta", "spec": "StatefulSetSpec"},
    "StatefulSetSpec": {"serviceName": str, "replicas": int, "selector": "Selector", "template": "Template",
                        "volumeClaimTemplates": ["Claim"]},
    "Deployment": {"apiVersion": {"apps/v1"}, "kind": str, "metadata": "Meta", "spec": "DeploymentSpec"},
    "DeploymentSpec": {"replicas": int, "selector": "Selector", "template": "Template"},
    "Claim": {"metadata": "Meta", "spec": "ClaimSpec"},
    "ClaimSpec": {"accessModes": [str], "resources": {str: {str: str}}},
    "PodDisruptionBudget": {"apiVersion": {"policy/v1"}, "kind": str, "metadata": "Meta", "spec": "BudgetSpec"},
    "BudgetSpec": {"maxUnavailable": int, "selector": "Selector"},
    "NetworkPolicy": {"apiVersion": {"networking.k8s.io/v1"}, "kind": str, "metadata": "Meta", "spec": "PolicySpec"},
    "PolicySpec": {"podSelector": "Selector", "policyTypes": [str], "ingress": ["IngressRule"], "egress": list},
    "IngressRule": {"from": ["Peer"], "ports": ["PolicyPort"]},
    "Peer": {"podSelector": "Selector"},
    "PolicyPort": {"port": str, "protocol": {"TCP"}},
    "Meta": {"name": str, "namespace": str, "labels": {str: str}},
    "Selector": {"matchLabels": {str: str}},
    "Template": {"metadata": "Meta", "spec": "Pod"},
    "Pod": {"automountServiceAccountToken": bool, "terminationGracePeriodSeconds": int, "securityContext": "PodSecurity",
            "containers": ["Container"], "volumes": ["Volume"]},
    "PodSecurity": {"runAsNonRoot": bool, "runAsUser": int, "runAsGroup": int, "fsGroup": int,
                    "fsGroupChangePolicy": {"OnRootMismatch", "Always"}, "seccompProfile": {str: str}},
    "Container": {"name": str, "image": str, "args": [str], "env": ["Variable"], "ports": ["Port"], "startupProbe": "Probe",
                  "livenessProbe": "Probe", "readinessProbe": "Probe", "resources": {str: {str: str}},
                  "securityContext": "ContainerSecurity", "volumeMounts": ["Mount"]},
    "Variable": {"name": str, "valueFrom": {str: {str: str}}},
    "Port": {"name": str, "containerPort": int},
    "Probe": {"httpGet": "HttpGet", "tcpSocket": {str: str}, "periodSeconds": int, "failureThreshold": int},
    "HttpGet": {"path": {"/livez", "/readyz"}, "port": str},
    "ContainerSecurity": {"allowPrivilegeEscalation": bool, "readOnlyRootFilesystem": bool, "capabilities": {str: [str]}},
    "Mount": {"name": str, "mountPath": str, "readOnly": bool},
    "Volume": {"name": str, "secret": "Secret", "emptyDir": dict},
    "Secret": {"secretName": str, "defaultMode": int},
}


def check(kind, value, path):
    if isinstance(kind, list):
        assert isinstance(value, list) and value, path
        for index, item in enumerate(value):
            check(kind[0], item, f"{path}[{index}]")
    elif isinstance(kind, dict):
        for name, item in value.items():
            check(kind[str], item, f"{path}.{name}")
    elif isinstance(kind, set):
        assert value in kind, f"{path}: {value}"
    elif isinstance(kind, type):
        assert type(value) is kind, f"{path}: {value!r} is no {kind.__name__}"
    else:
        for name, item in value.items():
            assert name in KINDS[kind], f"{path}: {kind} has no {name}"
            check(KINDS[kind][name], item, f"{path}.{name}")


class Kubernetes(unittest.TestCase):
    def setUp(self):
        self.objects = list(yaml.safe_load_all((FOLDER / "kubernetes.yaml").read_text()))
        self.pods = [thing["spec"]["template"] for thing in self.objects if "template" in thing["spec"]]
        self.containers = {each["name"]: each for pod in self.pods for each in pod["spec"]["containers"]}

    def test_uses_only_fields_that_exist(self):
        for thing in self.objects:
            check(thing["kind"], thing, thing["kind"])
        self.assertEqual({thing["kind"] for thing in self.objects},
                         {"Service", "StatefulSet", "Deployment", "PodDisruptionBudget", "NetworkPolicy"})

    def test_runs_one_engine(self):
        engines = [thing for thing in self.objects if thing["kind"] == "StatefulSet"]
        self.assertEqual([engine["spec"]["replicas"] for engine in engines], [1])

    def test_selects_pods_that_there_are(self):
        for thing in self.objects:
            spec = thing["spec"]
            selector = spec.get("selector") or spec.get("podSelector")
            wanted = selector.get("matchLabels", selector)
            self.assertTrue(any(wanted.items() <= pod["metadata"]["labels"].items() for pod in self.pods), thing["kind"])

    def test_runs_without_privileges(self):
        """As the Pod Security Standard `restricted` has it, and with a root file system that nobody writes to."""
        for pod in self.pods:
            context = pod["spec"]["securityContext"]
            self.assertIs(context["runAsNonRoot"], True)
            self.assertEqual(context["seccompProfile"], {"type": "RuntimeDefault"})
            self.assertIs(pod["spec"]["automountServiceAccountToken"], False)
            for container in pod["spec"]["containers"]:
                self.assertEqual(container["securityContext"], {"allowPrivilegeEscalation": False,
                                                                "readOnlyRootFilesystem": True,
                                                                "capabilities": {"drop": ["ALL"]}})

    def test_asks_each_program_whether_it_lives_and_is_ready(self):
        for name in ("revoked", "gateway"):
            container = self.containers[name]
            self.assertEqual(container["livenessProbe"]["httpGet"]["path"], "/livez")
            self.assertEqual(container["readinessProbe"]["httpGet"]["path"], "/readyz")
            ports = {port["name"] for port in container["ports"]}
            for probe in ("livenessProbe", "readinessProbe"):
                self.assertIn(container[probe]["httpGet"]["port"], ports)

    def test_mounts_volumes_that_there_are(self):
        claims = {claim["metadata"]["name"] for thing in self.objects for claim in thing["spec"].get("volumeClaimTemplates", [])}
        for pod in self.pods:
            volumes = claims | {volume["name"] for volume in pod["spec"]["volumes"]}
            for container in pod["spec"]["containers"]:
                self.assertLessEqual({mount["name"] for mount in container["volumeMounts"]}, volumes)

    def test_gives_options_that_the_programs_have(self):
        for container, program in (("revoked", "revoked"), ("gateway", "revoked-gateway")):
            text = subprocess.run([BUILD / program, "--help"], check=True, text=True, capture_output=True).stdout
            for argument in self.containers[container]["args"]:
                if argument.startswith("--"):
                    self.assertRegex(text, rf"\s{argument}\b")


class Docker(unittest.TestCase):
    def setUp(self):
        self.text = (FOLDER / "Dockerfile").read_text()
        lines = re.sub(r"\\\n", " ", self.text).splitlines()
        self.stages = {}
        for line in lines:
            word, _, rest = line.partition(" ")
            if word == "FROM":
                base, name = re.match(r"(\S+) AS (\S+)", rest).groups()
                self.stages[name] = [("FROM", base)]
            elif word and word != "#":
                list(self.stages.values())[-1].append((word, rest.strip()))

    def test_uses_only_instructions_and_stages_that_there_are(self):
        for name, lines in self.stages.items():
            for word, rest in lines:
                self.assertIn(word, {"FROM", "RUN", "COPY", "USER", "VOLUME", "EXPOSE", "ENV", "HEALTHCHECK", "ENTRYPOINT"})
                for stage in re.findall(r"--from=(\S+)", rest):
                    self.assertIn(stage, self.stages)
            self.assertRegex(lines[0][1], r"^(debian:12-slim|base)$", name)

    def test_copies_files_that_there_are(self):
        for lines in self.stages.values():
            for word, rest in lines:
                if word == "COPY" and "--from" not in rest:
                    source = [part for part in rest.split() if not part.startswith("--")][0]
                    self.assertTrue((FOLDER.parents[1] / source).exists(), source)

    def test_images_run_as_a_user_and_tell_whether_they_live(self):
        for name, program in (("engine", "revoked"), ("gateway", "revoked-gateway")):
            lines = dict(self.stages[name])
            self.assertEqual(lines["USER"], "7385:7385")
            self.assertIn("is-alive", lines["HEALTHCHECK"])
            self.assertEqual(lines["ENTRYPOINT"], f'["/usr/sbin/{program}"]')


class IsAlive(unittest.TestCase):
    def test_knows_a_program_that_lives(self):
        with subprocess.Popen([BUILD / "revoked", "--dev", "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True) as engine:
            port = next(line for line in engine.stdout if "is ready" in line).rpartition(":")[2].strip()
            self.assertEqual(subprocess.run([FOLDER / "is-alive", port]).returncode, 0)
            engine.terminate()
        self.assertNotEqual(subprocess.run([FOLDER / "is-alive", port], stderr=subprocess.DEVNULL).returncode, 0)


if __name__ == "__main__":
    BUILD = pathlib.Path(sys.argv.pop(1)) / "bin"
    unittest.main()
