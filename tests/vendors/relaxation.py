"""What has to be relaxed in vendors' contracts before their own examples fit them.

Patterns that are no regular expressions are dropped; `nullable` becomes a union with null; `oneOf`
is read as `anyOf`, because alternatives overlap; `required` loses names that no property has; the
boolean `exclusiveMinimum` of OpenAPI 3.0 becomes the number of JSON Schema.
"""

import re
from typing import Any

Json = Any

_NOT_SCHEMAS = frozenset({"example", "examples", "enum", "default", "const"})


def relaxed_document(document: Json) -> Json:
    """A copy of a whole OpenAPI document, or of a JSON Schema, with every schema in it relaxed."""
    if isinstance(document, list):
        return [relaxed_document(part) for part in document]
    if not isinstance(document, dict):
        return document
    return relaxed(
        {
            name: part
            if name in _NOT_SCHEMAS
            else {inner: relaxed_document(schema) for inner, schema in part.items()}
            if name in ("properties", "schemas", "paths") and isinstance(part, dict)
            else relaxed_document(part)
            for name, part in document.items()
        }
    )


def relaxed(schema: dict[str, Json]) -> dict[str, Json]:
    """One schema whose parts are relaxed already; what is no schema has none of these keywords."""
    schema = dict(schema)
    if isinstance(schema.get("oneOf"), list):
        options = schema.pop("oneOf")
        schema |= {"allOf": [*schema.get("allOf", []), {"anyOf": options}]} if "anyOf" in schema else {"anyOf": options}
    if isinstance(schema.get("pattern"), str) and not _is_pattern(schema["pattern"]):
        del schema["pattern"]
    if isinstance(schema.get("required"), list) and isinstance(schema.get("properties"), dict):
        schema["required"] = [name for name in schema["required"] if name in schema["properties"]]
    for exclusive, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if isinstance(schema.get(exclusive), bool) and schema.pop(exclusive) and bound in schema:
            schema[exclusive] = schema.pop(bound)
    return _or_null(schema) if schema.pop("nullable", False) is True else schema


def _is_pattern(text: str) -> bool:
    try:
        re.compile(text)
    except re.error:
        return False
    return True


def _or_null(schema: dict[str, Json]) -> dict[str, Json]:
    if "enum" in schema and None not in schema["enum"]:
        schema["enum"] = [*schema["enum"], None]
    if isinstance(schema.get("type"), str) and not schema.keys() & {"allOf", "anyOf", "$ref"}:
        return {**schema, "type": [schema["type"], "null"]}
    return {"anyOf": [schema, {"type": "null"}]}
