"""A server with the OpenAPI document that it serves: every answer must be one that the document describes.

The document leaves answers open, so that they may get members later. Here a member that is not described is a fault."""
import http.client
import json
import re
import urllib.parse

import jsonschema

# What HTTP itself adds to any answer.
FRAMING = {"connection", "content-length", "content-type", "date", "transfer-encoding"}
VALIDATOR = jsonschema.Draft202012Validator
BRANCHES = ("allOf", "anyOf", "oneOf")
CONDITIONS = ("not", "if", "then", "else")


def closed(schema, is_branch=False):
    """The schema without undescribed members, at any depth. Branches describe parts of one object."""
    if not isinstance(schema, dict):
        return schema
    made = dict(schema)
    for name in BRANCHES:
        if name in made:
            made[name] = [closed(branch, True) for branch in made[name]]
    for name in CONDITIONS:
        if name in made:
            made[name] = closed(made[name], True)
    if "properties" in made:
        made["properties"] = {name: closed(member) for name, member in made["properties"].items()}
    if "items" in made:
        made["items"] = closed(made["items"])
    if not is_branch and "additionalProperties" not in made:
        made["unevaluatedProperties"] = False
    return made


class Answer:
    def __init__(self, response, body):
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.type = self.headers.get("content-type", "").split(";")[0]
        self.body = body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def code(self):
        return self.json["code"] if self.type == "application/problem+json" and self.body else ""


class Described:
    def __init__(self, url, credential=None):
        self.address = urllib.parse.urlsplit(url).netloc
        self.credential = {"Authorization": f"Bearer {credential}"} if credential else {}
        connection = http.client.HTTPConnection(self.address, timeout=30)
        connection.request("GET", "/openapi.json")
        self.document = json.loads(connection.getresponse().read())
        connection.close()
        self.components = self.document["components"]
        self.operations = {}  # by id: method, path, operation
        for path, item in self.document["paths"].items():
            for method, operation in item.items():
                self.operations[operation["operationId"]] = (method.upper(), path, operation)
        # Parts that all validators share: `#/components/...` is looked up there.
        self.open = {"components": self.components}
        self.closed = {"components": {"schemas": {name: closed(schema, True)
                                                  for name, schema in self.components["schemas"].items()}}}
        for schema in self.components["schemas"].values():
            VALIDATOR.check_schema(schema)
        self.seen = {}  # by operation and status: the codes of its problems
        self.faults = []

    def resolved(self, part):
        while "$ref" in part:
            kind, name = part["$ref"].split("/")[-2:]
            part = self.components[kind][name]
        return part

    def call(self, identifier, *, path=None, query=None, headers=None, body=None, credential=None, read=None):
        """One request. `body`: an object, or a text that is sent as it is. `read`: reads a stream's beginning."""
        method, template, operation = self.operations[identifier]
        target = re.sub(r"\{(\w+)\}", lambda match: urllib.parse.quote(path[match[1]], safe=""), template)
        if query:
            target += "?" + urllib.parse.urlencode(query)
        sent = dict(self.credential if credential is None else credential)
        sent.update(headers or {})
        if isinstance(body, dict):
            body = json.dumps(body, ensure_ascii=False)
            sent.setdefault("Content-Type", "application/json")
        connection = http.client.HTTPConnection(self.address, timeout=30)
        connection.request(method, target, body.encode() if body is not None else None, sent)
        response = connection.getresponse()
        answer = Answer(response, (read or (lambda stream: stream.read()))(response))
        connection.close()
        for fault in self.faults_of(operation, method, answer):
            self.faults.append(f"{identifier} {method} {target} -> {answer.status}: {fault}: {answer.body[:400]}")
        if answer.status < 300 and isinstance(body, str) and method != "HEAD":
            self.check_request(identifier, operation, query, body)
        self.seen.setdefault((identifier, answer.status), set()).add(answer.code)
        return answer

    def check_request(self, identifier, operation, query, body):
        """A request that succeeds must be described, too."""
        names = {parameter["name"] for parameter in map(self.resolved, operation.get("parameters", []))}
        if not set(query or {}) <= names:
            self.faults.append(f"{identifier}: undescribed parameters {set(query) - names}")
        content = operation.get("requestBody", {}).get("content")
        if not content:
            self.faults.append(f"{identifier}: an undescribed body")
        elif "application/json" in content and body:
            self.check_against({**content["application/json"]["schema"], **self.open}, json.loads(body), identifier)

    def check_against(self, schema, value, about):
        for error in VALIDATOR(schema).iter_errors(value):
            self.faults.append(f"{about}: {error.message} at {list(error.absolute_path)}: {str(value)[:300]}")

    def faults_of(self, operation, method, answer):
        responses = operation["responses"]
        described = self.resolved(responses.get(str(answer.status), responses["default"]))
        headers = {name.lower(): self.resolved(header) for name, header in described.get("headers", {}).items()}
        for name, value in answer.headers.items():
            if name in headers:
                yield from self.errors({**headers[name]["schema"], **self.open}, value)
            elif name not in FRAMING:
                yield f"the header {name} is not described"
        if "x-request-id" not in answer.headers:
            yield "there is no X-Request-Id"
        content = described.get("content", {})
        if not answer.body:
            if content and method != "HEAD" and answer.type:
                yield "there is no body"
            return
        if answer.type not in content:
            yield f"the type {answer.type} is not described"
            return
        media = content[answer.type]
        if answer.type.endswith("json"):
            yield from self.errors({**closed(media["schema"]), **self.closed}, answer.json)
        if answer.type == "application/problem+json" and "examples" in media:
            if answer.code not in media["examples"]:
                yield f"the code {answer.code} is not described"
            if answer.json["type"] != "urn:revoked:problem:" + answer.code or answer.json["status"] != answer.status:
                yield "type, code and status contradict each other"

    def errors(self, schema, value):
        for error in VALIDATOR(schema).iter_errors(value):
            yield f"{error.message} at {list(error.absolute_path)}"
