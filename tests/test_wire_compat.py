"""What was once released of the protocol and of the decision log stays: fields, numbers, calls.

`steer_v1.golden` has one line for each. New lines are added with

    PYTHONPATH=. .venv/bin/python tests/test_wire_compat.py >tests/steer_v1.golden

and none is ever changed or removed; what changes is a new `steer.v2`.
"""

import sys
from pathlib import Path

import pytest

from steer.v1 import control_pb2, decision_log_pb2, steering_pb2, types_pb2

GOLDEN = Path(__file__).with_name("steer_v1.golden")
MODULES = (types_pb2, steering_pb2, control_pb2, decision_log_pb2)
FILES = [module.DESCRIPTOR for module in MODULES]


def message_lines(message):
    """Yield a line for each field of a message and of those within it."""
    for field in message.fields:
        # Numbers of google.protobuf.descriptor: repeated is a label in old releases only.
        repeated = getattr(field, "is_repeated", None)
        if repeated is None:
            repeated = field.label == field.LABEL_REPEATED
        kind = field.message_type or field.enum_type
        name = kind.full_name if kind else f"type{field.type}"
        many = " repeated" if repeated else ""
        optional = " optional" if field.has_presence and not field.message_type else ""
        yield f"field {field.full_name} = {field.number} {name}{many}{optional}"
    for nested in message.nested_types:
        yield from message_lines(nested)


def lines():
    """Return the protocol as sorted lines."""
    found = []
    for file in FILES:
        for message in file.message_types_by_name.values():
            found += message_lines(message)
        for enum in file.enum_types_by_name.values():
            found += [f"value {enum.full_name}.{item.name} = {item.number}" for item in enum.values]
        for service in file.services_by_name.values():
            for method in service.methods:
                types = f"{method.input_type.full_name} -> {method.output_type.full_name}"
                found.append(f"call {method.full_name}: {types}")
    return sorted(found)


def test_everything_that_was_released_is_still_there():
    """A robot in the field speaks the protocol that it was built with."""
    released = GOLDEN.read_text().splitlines()

    assert [line for line in released if line not in lines()] == []
    assert len(released) > 100


def test_everything_there_is_guarded():
    """A new field joins the golden file in the change that adds it."""
    assert [line for line in lines() if line not in GOLDEN.read_text().splitlines()] == []


@pytest.mark.parametrize("file", FILES)
def test_every_enum_begins_with_unspecified(file):
    """Zero is what an old sender leaves unset."""
    zeros = [enum.values_by_number[0].name for enum in file.enum_types_by_name.values()]

    assert [name for name in zeros if not name.endswith("_UNSPECIFIED")] == []


if __name__ == "__main__":
    sys.stdout.write("\n".join(lines()) + "\n")
