"""The OpenAPI document, held to JSON Schema by a validator that nobody here wrote."""

from __future__ import annotations

import json

import pytest
from jsonschema import Draft202012Validator

from ordo.http.openapi import build
from ordo.http.routes import ROUTES

DOCUMENT = json.loads(json.dumps(build(ROUTES)))
SCHEMAS = DOCUMENT["components"]["schemas"]


def everywhere(value, path="$"):
    """Every object in the document, and where it stands."""
    if isinstance(value, dict):
        yield path, value
        for key, inner in value.items():
            yield from everywhere(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from everywhere(inner, f"{path}[{index}]")


def schemas():
    yield from SCHEMAS.items()
    for path, found in everywhere(DOCUMENT["paths"]):
        if isinstance(found.get("schema"), dict):
            yield path, found["schema"]


def examples():
    """Each example or default, with the schema that it stands beside; those of errors
    are looked at in tests/ordo/http/test_examples.py."""
    for path, found in everywhere(DOCUMENT):
        if "schema" in found and "example" in found:
            yield path, found["example"], found["schema"]
        if "default" in found and path.startswith("$.components.schemas"):
            rest = {key: value for key, value in found.items() if key != "default"}
            yield path, found["default"], rest


@pytest.mark.parametrize(("where", "schema"), list(schemas()))
def test_every_schema_is_one_of_json_schema_2020_12(where, schema):
    Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize(("where", "example", "schema"), list(examples()))
def test_every_example_and_default_fits_its_schema(where, example, schema):
    whole = {**schema, "components": DOCUMENT["components"]}
    errors = Draft202012Validator(whole).iter_errors(example)
    assert [error.message for error in errors] == []


def test_there_are_examples():
    assert "$.paths./api/v1/orders.post" in " ".join(path for path, _, _ in examples())


def test_a_body_may_be_left_out_only_where_that_is_taken():
    optional = {
        path
        for path, methods in DOCUMENT["paths"].items()
        for operation in methods.values()
        if operation.get("requestBody", {}).get("required") is False
    }
    assert optional == {
        "/api/v1/instruments/sync",
        "/api/v1/orders/cancel",
        "/api/v1/reconcile",
    }
