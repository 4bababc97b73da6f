"""tools/gateways/envoy.yaml and traefik.yaml, whose programs Debian does not have: that they use only fields that exist,
with values of their type, and do what docs/gateways.md asks of a proxy. And that the followers are short."""
import itertools
import pathlib
import unittest

import yaml

FOLDER = pathlib.Path(__file__).parents[2] / "tools/gateways"
IDENTITY = {"x-key-id", "x-user-id", "x-application-id", "x-workspace-id", "x-key-permissions"}

# Of each message the fields that the examples use: a name is another message, a list is repeated, a dict a map. From
# Envoy's API v3 (api/envoy of its repository) and Traefik's reference of the dynamic configuration.
ENVOY = {
    "Bootstrap": {"static_resources": "StaticResources"},
    "StaticResources": {"listeners": ["Listener"], "clusters": ["Cluster"]},
    "Listener": {"name": str, "address": "Address", "filter_chains": ["FilterChain"]},
    "Address": {"socket_address": "SocketAddress"},
    "SocketAddress": {"address": str, "port_value": int},
    "FilterChain": {"filters": ["Filter"]},
    "Filter": {"name": str, "typed_config": "Any"},
    "HttpConnectionManager": {
        "stat_prefix": str, "use_remote_address": bool, "max_request_headers_kb": int,
        "common_http_protocol_options": "HttpProtocolOptions", "upgrade_configs": ["UpgradeConfig"],
        "http_filters": ["Filter"], "route_config": "RouteConfiguration"},
    "HttpProtocolOptions": {"headers_with_underscores_action": {"ALLOW", "REJECT_REQUEST", "DROP_HEADER"}},
    "UpgradeConfig": {"upgrade_type": str},
    "HeaderMutation": {"mutations": "Mutations"},
    "Mutations": {"request_mutations": ["Mutation"]},
    "Mutation": {"remove": str},
    "ExtAuthz": {"failure_mode_allow": bool, "status_on_error": "HttpStatus", "allowed_headers": "ListStringMatcher",
                 "http_service": "HttpService"},
    "HttpStatus": {"code": {"ServiceUnavailable"}},
    "ListStringMatcher": {"patterns": ["StringMatcher"]},
    "StringMatcher": {"exact": str},
    "HttpService": {"server_uri": "HttpUri", "path_prefix": str, "authorization_response": "AuthorizationResponse"},
    "HttpUri": {"uri": str, "cluster": str, "timeout": str},
    "AuthorizationResponse": {"allowed_client_headers": "ListStringMatcher",
                              "allowed_upstream_headers": "ListStringMatcher"},
    "Router": {},
    "RouteConfiguration": {"virtual_hosts": ["VirtualHost"]},
    "VirtualHost": {"name": str, "domains": [str], "routes": ["Route"]},
    "Route": {"match": "RouteMatch", "route": "RouteAction"},
    "RouteMatch": {"prefix": str},
    "RouteAction": {"cluster": str},
    "Cluster": {"name": str, "load_assignment": "ClusterLoadAssignment"},
    "ClusterLoadAssignment": {"cluster_name": str, "endpoints": ["LocalityLbEndpoints"]},
    "LocalityLbEndpoints": {"lb_endpoints": ["LbEndpoint"]},
    "LbEndpoint": {"endpoint": "Endpoint"},
    "Endpoint": {"address": "Address"},
}
TRAEFIK = {
    "Dynamic": {"http": "Http"},
    "Http": {"routers": {str: "Router"}, "middlewares": {str: "Middleware"}, "services": {str: "Service"}},
    "Router": {"entryPoints": [str], "rule": str, "middlewares": [str], "service": str},
    "Middleware": {"headers": "Headers", "forwardAuth": "ForwardAuth"},
    "Headers": {"customRequestHeaders": {str: str}},
    "ForwardAuth": {"address": str, "authResponseHeaders": [str]},
    "Service": {"loadBalancer": "LoadBalancer"},
    "LoadBalancer": {"servers": ["Server"]},
    "Server": {"url": str},
}
FILTERS = {
    "envoy.filters.network.http_connection_manager":
        "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
    "envoy.filters.http.header_mutation": "envoy.extensions.filters.http.header_mutation.v3.HeaderMutation",
    "envoy.filters.http.ext_authz": "envoy.extensions.filters.http.ext_authz.v3.ExtAuthz",
    "envoy.filters.http.router": "envoy.extensions.filters.http.router.v3.Router",
}


def check(schema, kind, value, path):
    if isinstance(kind, list):
        assert isinstance(value, list) and value, path
        for index, item in enumerate(value):
            check(schema, kind[0], item, f"{path}[{index}]")
    elif isinstance(kind, dict):
        for name, item in value.items():
            check(schema, kind[str], item, f"{path}.{name}")
    elif isinstance(kind, set):
        assert value in kind, f"{path}: {value}"
    elif isinstance(kind, type):
        assert type(value) is kind, f"{path}: {value!r} is no {kind.__name__}"
    elif kind == "Any":
        full_name = value["@type"].removeprefix("type.googleapis.com/")
        assert full_name in FILTERS.values(), f"{path}: {full_name}"
        check(schema, full_name.rpartition(".")[2], {k: v for k, v in value.items() if k != "@type"}, path)
    else:
        for name, item in value.items():
            assert name in schema[kind], f"{path}: {kind} has no {name}"
            check(schema, schema[kind][name], item, f"{path}.{name}")


class Envoy(unittest.TestCase):
    def setUp(self):
        self.config = yaml.safe_load((FOLDER / "envoy.yaml").read_text())
        chain = self.config["static_resources"]["listeners"][0]["filter_chains"][0]["filters"]
        self.manager = chain[0]["typed_config"]
        self.filters = self.manager["http_filters"]

    def test_uses_only_fields_that_exist(self):
        check(ENVOY, "Bootstrap", self.config, "envoy.yaml")
        for used in self.filters:
            self.assertTrue(used["typed_config"]["@type"].endswith(FILTERS[used["name"]]))

    def test_removes_the_clients_identity_before_it_asks_and_passes_on_the_gateways(self):
        removing, asking, routing = (used["typed_config"] for used in self.filters)
        self.assertEqual({mutation["remove"] for mutation in removing["mutations"]["request_mutations"]}, IDENTITY)
        answer = asking["http_service"]["authorization_response"]
        self.assertEqual({name["exact"] for name in answer["allowed_upstream_headers"]["patterns"]}, IDENTITY)
        self.assertIs(asking["failure_mode_allow"], False)
        self.assertTrue(routing["@type"].endswith("Router"))

    def test_names_clusters_that_it_has(self):
        clusters = {cluster["name"] for cluster in self.config["static_resources"]["clusters"]}
        self.assertIn(self.filters[1]["typed_config"]["http_service"]["server_uri"]["cluster"], clusters)
        for host in self.manager["route_config"]["virtual_hosts"]:
            self.assertLessEqual({route["route"]["cluster"] for route in host["routes"]}, clusters)


class Traefik(unittest.TestCase):
    def setUp(self):
        self.config = yaml.safe_load((FOLDER / "traefik.yaml").read_text())
        self.http = self.config["http"]

    def test_uses_only_fields_that_exist(self):
        check(TRAEFIK, "Dynamic", self.config, "traefik.yaml")

    def test_names_middlewares_and_services_that_it_has(self):
        for router in self.http["routers"].values():
            self.assertLessEqual(set(router["middlewares"]), set(self.http["middlewares"]))
            self.assertIn(router["service"], self.http["services"])

    def test_passes_on_the_gateways_identity_only(self):
        copied = self.http["middlewares"]["revoked"]["forwardAuth"]["authResponseHeaders"]
        self.assertEqual({name.lower() for name in copied}, IDENTITY)
        removed = self.http["middlewares"]["underscores"]["headers"]["customRequestHeaders"]
        spellings = {first + a + second + b + third for first, second, third in (name.split("-") for name in IDENTITY)
                     for a, b in itertools.product("-_", repeat=2)}
        self.assertEqual({name.lower() for name in removed}, spellings - IDENTITY)
        self.assertEqual(set(removed.values()), {""})


class Followers(unittest.TestCase):
    def test_have_less_than_a_hundred_lines_of_code(self):
        for name, comment in (("python/follower.py", "#"), ("node/follower.js", "//")):
            lines = (line.strip() for line in (FOLDER / name).read_text().splitlines())
            self.assertLess(sum(line != "" and not line.startswith(comment) for line in lines), 100, name)


if __name__ == "__main__":
    unittest.main()
