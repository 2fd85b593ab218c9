"""The referee: botocore's model of the Lambda service. Anything that crosses the wire has to match a shape of it."""

from __future__ import annotations

import functools
import re
from datetime import datetime
from typing import Any

import botocore.session
import msgspec
from botocore.model import ServiceModel, Shape

from durable_lambda.protocol.events import Event, event_to_wire
from durable_lambda.protocol.operations import Operation


@functools.cache
def service_model() -> ServiceModel:
    """The model of `lambda`, 2015-03-31."""
    return botocore.session.get_session().get_service_model("lambda")


def assert_matches(shape_name: str, value: Any) -> None:
    """Fail unless a value (as JSON has it) is of a shape: types, bounds, patterns, enums, and no unknown members."""
    problems = list(_problems(service_model().shape_for(shape_name), value, shape_name))
    assert not problems, "\n".join(problems)


def assert_event(event: Event) -> None:
    """Fail unless the service could have told this event, with exactly the details of its type."""
    wire = event_to_wire(event)
    assert_matches("Event", wire)
    assert [key for key in wire if key.endswith("Details")] == [f"{event.event_type}Details"]


def assert_operation(operation: Operation) -> None:
    """Fail unless the service could have told this operation, with the details of its type and no others."""
    wire = msgspec.to_builtins(operation)
    assert_matches("Operation", wire)
    own = {"CHAINED_INVOKE": "ChainedInvokeDetails"}.get(operation.type, f"{operation.type.title()}Details")
    assert [key for key in wire if key.endswith("Details")] in ([own], [])


def _problems(shape: Shape, value: Any, path: str):
    kinds = {
        "structure": dict,
        "map": dict,
        "list": list,
        "string": str,
        "integer": int,
        "long": int,
        "boolean": bool,
        "timestamp": (int, float, datetime),
        "float": (int, float),
        "double": (int, float),
        "blob": (str, bytes),
    }
    if not isinstance(value, kinds[shape.type_name]) or (isinstance(value, bool) and shape.type_name != "boolean"):
        yield f"{path}: {value!r} is no {shape.type_name}"
        return
    if shape.type_name == "structure":
        for name in shape.metadata.get("required", ()):
            if name not in value:
                yield f"{path}: {name} is missing"
        for name, member in value.items():
            if name in shape.members:
                yield from _problems(shape.members[name], member, f"{path}.{name}")
            else:
                yield f"{path}: {name} is unknown"
    elif shape.type_name == "list":
        for position, member in enumerate(value):
            yield from _problems(shape.member, member, f"{path}[{position}]")
    elif shape.type_name == "map":
        for key, member in value.items():
            yield from _problems(shape.value, member, f"{path}[{key}]")
    yield from _bounds(shape, value, path)


def _bounds(shape: Shape, value: Any, path: str):
    metadata = shape.metadata
    size = value if isinstance(value, (int, float)) else len(value) if isinstance(value, (str, list)) else None
    if size is not None and shape.type_name != "timestamp":
        if "min" in metadata and size < metadata["min"]:
            yield f"{path}: {value!r} is below {metadata['min']}"
        if "max" in metadata and size > metadata["max"]:
            yield f"{path}: {str(value)[:80]!r} is above {metadata['max']}"
    if "pattern" in metadata and re.fullmatch(metadata["pattern"], value) is None:
        yield f"{path}: {value!r} does not match {metadata['pattern']}"
    if "enum" in metadata and value not in metadata["enum"]:
        yield f"{path}: {value!r} is none of {metadata['enum']}"
