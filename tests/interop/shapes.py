# SPDX-License-Identifier: Apache-2.0
"""Judges the bodies a service sends by the output shapes of AWS's own service model."""

from __future__ import annotations

import base64
import json
import re
from datetime import datetime
from typing import Any
from xml.etree import ElementTree

import regex
from botocore.model import OperationModel, ServiceModel, Shape

# Where AWS differs from its own model: it documents and sends these values.
BESIDE_THE_ENUM = {"PermissionsBoundaryAttachmentType": {"Policy"}}


def complaints(value: Any, shape: Shape, where: str) -> list[str]:
    """What the model has against a JSON value; nothing if it is as AWS would send it."""
    judge = {
        "structure": _structure,
        "list": _list,
        "map": _map,
        "string": _string,
        "blob": _blob,
        "boolean": lambda value, _, where: _is(value, bool, where),
        "integer": _number,
        "long": _number,
        "timestamp": lambda value, _, where: _is(value, (int, float), where),
    }[shape.type_name]
    return judge(value, shape, where)


def _is(value: Any, kinds: Any, where: str) -> list[str]:
    return [] if isinstance(value, kinds) else [f"{where}: {value!r} has the wrong type"]


def _within(size: int, shape: Shape, where: str) -> list[str]:
    low, high = shape.metadata.get("min", 0), shape.metadata.get("max", size)
    return [] if low <= size <= high else [f"{where}: {size} is not in {low}..{high}"]


def _structure(value: Any, shape: Any, where: str) -> list[str]:
    if found := _is(value, dict, where):
        return found
    known = shape.members
    found = [f"{where}: {name} is not in the model" for name in value if name not in known]
    found += [f"{where}: {name} is missing" for name in shape.required_members if name not in value]
    for name, member in value.items():
        if name in known:
            found += complaints(member, known[name], f"{where}.{name}")
    return found


def _list(value: Any, shape: Any, where: str) -> list[str]:
    if found := _is(value, list, where):
        return found
    return [text for i, item in enumerate(value)
            for text in complaints(item, shape.member, f"{where}[{i}]")]


def _map(value: Any, shape: Any, where: str) -> list[str]:
    if found := _is(value, dict, where):
        return found
    return [text for name, item in value.items()
            for text in complaints(item, shape.value, f"{where}[{name}]")]


def _string(value: Any, shape: Any, where: str) -> list[str]:
    if found := _is(value, str, where):
        return found
    found = _within(len(value), shape, where)
    if shape.enum and value not in {*shape.enum, *BESIDE_THE_ENUM.get(shape.name, ())}:
        found.append(f"{where}: {value!r} is not one of {shape.enum}")
    pattern = shape.metadata.get("pattern")
    # The model writes patterns for Java: with classes such as \\p{L}, and without anchors.
    if pattern and not regex.fullmatch(pattern.strip("^$"), value, regex.DOTALL):
        found.append(f"{where}: {value!r} does not match {pattern}")
    return found


def _blob(value: Any, shape: Any, where: str) -> list[str]:
    if found := _is(value, str, where):
        return found
    return _within(len(base64.b64decode(value, validate=True)), shape, where)


def _number(value: Any, shape: Any, where: str) -> list[str]:
    return _is(value, int, where) or _within(value, shape, where)


class Body:
    """One answer of a service, taken apart by the rules of its protocol."""

    def __init__(self, model: OperationModel) -> None:
        self._model = model
        self.error: str | None = None
        self.value: Any = None

    def judge(self) -> list[str]:
        shape = self._model.output_shape
        if shape is not None:
            return complaints(self.value, shape, self._model.name)
        return [] if self.value == {} else [f"{self._model.name}: the model has no answer"]


class JsonBody(Body):
    def __init__(self, content: bytes, model: OperationModel) -> None:
        super().__init__(model)
        self.value = json.loads(content or b"{}")
        self.error = self.value.get("__type")


class QueryBody(Body):
    """XML: <ActionResponse><ActionResult>..., or <ErrorResponse><Error>..."""

    def __init__(self, content: bytes, model: OperationModel) -> None:
        super().__init__(model)
        root = ElementTree.fromstring(content)  # noqa: S314  # Of the server under test.
        self._namespace = "{" + model.service_model.metadata["xmlNamespace"] + "}"
        self._tag = self._bare(root)
        if self._tag == "ErrorResponse":
            self.error = root.findtext(f"{self._namespace}Error/{self._namespace}Code")
        elif model.output_shape is None:
            self.value = {}
        else:
            wrapper = model.output_shape.serialization["resultWrapper"]
            result = root.find(self._namespace + wrapper)
            self.value = None if result is None else self._read(result, model.output_shape)

    def judge(self) -> list[str]:
        expected = f"{self._model.name}Response"
        wrong = [] if self._tag == expected else [f"{self._tag} instead of {expected}"]
        return wrong + super().judge()

    def _bare(self, element: ElementTree.Element) -> str:
        """The name without its namespace, which every element has to be in."""
        return element.tag.removeprefix(self._namespace)

    def _read(self, element: ElementTree.Element, shape: Any) -> Any:
        """As the JSON protocols would have it; text that is not of its type stays text."""
        text = element.text or ""
        if shape.type_name == "structure":
            return self._structure(element, shape)
        if shape.type_name == "list":
            name = shape.member.serialization.get("name", "member")
            return [self._read(item, shape.member) if self._bare(item) == name else self._bare(item)
                    for item in element]
        if shape.type_name == "boolean":
            return {"true": True, "false": False}.get(text, text)
        if shape.type_name in ("integer", "long"):
            return int(text) if re.fullmatch("-?[0-9]+", text) else text
        if shape.type_name == "timestamp":
            form = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"
            return datetime.fromisoformat(text).timestamp() if re.fullmatch(form, text) else text
        return text

    def _structure(self, element: ElementTree.Element, shape: Any) -> dict[str, Any]:
        names = {member.serialization.get("name", name): name
                 for name, member in shape.members.items()}
        found: dict[str, Any] = {}
        for child in element:
            name = names.get(self._bare(child), self._bare(child))
            twice = name in found
            known = name in shape.members and not twice
            key = f"{name} twice" if twice else name
            found[key] = self._read(child, shape.members[name]) if known else child.text
        return found


class ShapeCheck:
    """Watches a boto3 client: every answer is held against the model, every error's name
    against the errors the model lists for the operation."""

    # What every operation of the protocol may answer, which the models do not repeat.
    COMMON = {
        "json": {
            "AccessDeniedException", "ExpiredTokenException", "NotAuthorizedException",
            "SerializationException", "ThrottlingException", "UnrecognizedClientException",
            "ValidationException",
        },
        "query": {
            "AccessDenied", "ExpiredToken", "InvalidClientTokenId", "Throttling",
            "ValidationError",
        },
    }

    def __init__(self, client: Any) -> None:
        self.found: list[str] = []
        self.answered: set[str] = set()
        self.refused: set[str] = set()
        self.model: ServiceModel = client.meta.service_model
        client.meta.events.register(f"after-call.{self.model.service_name}", self._judge)

    def never_answered(self) -> set[str]:
        """The operations of the model of which no answer was seen."""
        return set(self.model.operation_names) - self.answered

    def _judge(self, http_response: Any, model: OperationModel, **_: Any) -> None:
        protocol = self.model.metadata["protocol"]
        body = {"json": JsonBody, "query": QueryBody}[protocol](http_response.content, model)
        if http_response.status_code == 200:
            self.answered.add(model.name)
            self.found += body.judge()
            return
        self.refused.add(model.name)
        listed = {shape.error_code if protocol == "query" else shape.name
                  for shape in model.error_shapes}
        if body.error not in listed | self.COMMON[protocol]:
            self.found.append(f"{model.name}: {body.error} is not listed")
