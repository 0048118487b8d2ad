# SPDX-License-Identifier: Apache-2.0
"""Judges the bodies a service sends by the output shapes of AWS's own service model."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

from botocore.model import OperationModel, Shape


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
    if shape.enum and value not in shape.enum:
        found.append(f"{where}: {value!r} is not one of {shape.enum}")
    pattern = shape.metadata.get("pattern")
    # The model writes some patterns for Java, without anchors.
    if pattern and not re.fullmatch(pattern.strip("^$"), value, re.DOTALL):
        found.append(f"{where}: {value!r} does not match {pattern}")
    return found


def _blob(value: Any, shape: Any, where: str) -> list[str]:
    if found := _is(value, str, where):
        return found
    return _within(len(base64.b64decode(value, validate=True)), shape, where)


def _number(value: Any, shape: Any, where: str) -> list[str]:
    return _is(value, int, where) or _within(value, shape, where)


class ShapeCheck:
    """Watches a boto3 client: every answer is held against the model, every error's name
    against the errors the model lists for the operation."""

    COMMON = {
        "AccessDeniedException", "ValidationException", "NotAuthorizedException",
        "SerializationException", "UnrecognizedClientException",
    }

    def __init__(self, client: Any) -> None:
        self.found: list[str] = []
        self.answered: set[str] = set()
        self.refused: set[str] = set()
        service = client.meta.service_model.service_name
        client.meta.events.register(f"after-call.{service}", self._judge)

    def _judge(self, http_response: Any, model: OperationModel, **_: Any) -> None:
        body = json.loads(http_response.content or b"{}")
        if http_response.status_code != 200:
            self.refused.add(model.name)
            listed = {shape.name for shape in model.error_shapes} | self.COMMON
            if body.get("__type") not in listed:
                self.found.append(f"{model.name}: {body.get('__type')} is not listed")
            return
        self.answered.add(model.name)
        if model.output_shape is not None:
            self.found += complaints(body, model.output_shape, model.name)
        elif body != {}:
            self.found.append(f"{model.name}: the model has no answer")
