"""What must, and what must not, stand beside each other in one map of a rule file, as JSON Schema says it to editors."""

from typing import Any

EDIT_TOGETHER: dict[str, Any] = {
    "allOf": [
        {
            "if": {"anyOf": [{"required": ["min"]}, {"required": ["max"]}]},
            "then": {"required": ["type"], "properties": {"type": {"enum": ["integer", "number"]}}},
        },
        *(
            {
                "if": {"required": ["type"], "properties": {"type": {"const": kind}}},
                "then": {"properties": {"one_of": {"items": {"type": kind}}}},
            }
            for kind in ("string", "integer", "number", "boolean")
        ),
    ]
}
"""Limits are for numbers, and choices are of the type that may be entered."""

PATCH_TOGETHER: dict[str, Any] = {
    "allOf": [
        {
            "if": {"properties": {"op": {"enum": ["add", "replace", "test"]}}},
            "then": {
                "oneOf": [{"required": ["value"]}, {"required": ["value_from"]}],
                "not": {"required": ["from"]},
            },
        },
        {
            "if": {"properties": {"op": {"enum": ["move", "copy"]}}},
            "then": {
                "required": ["from"],
                "not": {"anyOf": [{"required": ["value"]}, {"required": ["value_from"]}]},
            },
        },
        {
            "if": {"properties": {"op": {"const": "remove"}}},
            "then": {
                "properties": {"path": {"not": {"const": "/data"}}},
                "not": {"anyOf": [{"required": [key]} for key in ("value", "value_from", "from")]},
            },
        },
        {
            "if": {"properties": {"op": {"enum": ["remove", "replace", "test"]}}},
            "then": {"properties": {"path": {"not": {"pattern": "/-$"}}}},
        },
    ]
}
"""Each operation has the parts that it needs and no others."""

THEN_TOGETHER: dict[str, Any] = {
    "oneOf": [
        {"required": ["retry"]},
        {"required": ["resolve"]},
        {"required": ["hold"]},
        {"required": ["leave"]},
    ],
    "dependencies": {"patch": ["retry"]},
}
"""Exactly one action, and a patch only with a retry."""

SOURCE_TOGETHER: dict[str, Any] = {"oneOf": [{"required": ["match"]}, {"required": ["data"]}, {"required": ["field"]}]}
"""Exactly one source."""

RULE_TOGETHER: dict[str, Any] = {
    "allOf": [
        {
            "if": {"required": ["limit"], "properties": {"limit": {"required": ["share_of_open"]}}},
            "then": {"properties": {"then": {"required": ["resolve"]}}},
        },
        {
            "if": {"required": ["tests"], "properties": {"tests": {"contains": {"required": ["patched"]}}}},
            "then": {"properties": {"then": {"required": ["patch"]}}},
        },
    ]
}
"""A share is for rules that resolve, and what a patch makes of data can be tested only where there is one."""

TEST_TOGETHER: dict[str, Any] = {
    "oneOf": [{"required": ["match"]}, {"required": ["no_match"]}],
    "dependencies": {"patched": ["match", "data"]},
}
"""One expectation, and what a patch makes of data only beside the data."""
