"""Every route and every global error has an example that was seen to be true.

That the routes' examples fit their schemas is looked at in tests/fuzz/test_document.py.
"""

import json
import os

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from ordo.http.errors import STATUS_OF
from ordo.http.examples import examples
from ordo.http.openapi import build
from ordo.http.routes import ROUTES
from tests.ordo.http import story

WRITE = "WRITE_EXAMPLES"
CALLS = sorted(examples().calls)


def shape(value):
    """What there is, whatever it is: the fields of an object, of a list its rows'."""
    if isinstance(value, dict):
        return {name: shape(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return ... if value is None else type(value).__name__.replace("int", "float")


async def test_the_examples_are_what_a_running_ordo_answers(autojump_clock, tmp_path):
    told = await story.tell(tmp_path)
    if os.environ.get(WRITE):
        story.write(told)
        examples.cache_clear()
    kept = examples()
    assert told.errors.keys() == kept.errors.keys()
    assert told.calls.keys() == kept.calls.keys()
    for name, call in told.calls.items():
        old = kept.calls[name]
        assert shape(call.answer) == shape(old.answer), f"{name}: run make examples"
        assert (call.body, call.status) == (old.body, old.status), name
        assert call.parameters.keys() == old.parameters.keys(), name


def test_every_route_and_every_error_has_one():
    routes = {f"{route.method} {route.path}" for route in ROUTES} - story.NOT_SHOWN
    assert examples().calls.keys() == routes
    assert examples().errors.keys() == STATUS_OF.keys()


def test_the_document_is_openapi():
    served = json.loads(json.dumps(build(ROUTES)))
    assert list(OpenAPIV31SpecValidator(served).iter_errors()) == []


def validator(schema):
    return Draft202012Validator({**schema, "components": build(ROUTES)["components"]})


def operation(name):
    method, path = name.split()
    return build(ROUTES)["paths"][path][method.lower()]


@pytest.mark.parametrize("name", CALLS)
def test_what_a_call_needs_is_in_its_example(name):
    needed = [one for one in operation(name)["parameters"] if one["required"]]
    assert [one["name"] for one in needed if "example" not in one] == []


@pytest.mark.parametrize(("path", "methods"), build(ROUTES)["paths"].items())
def test_each_error_that_is_declared_is_shown(path, methods):
    for told in methods.values():
        for status, response in told["responses"].items():
            if int(status) < 400 or "text/html" in response["content"]:
                continue
            media = response["content"]["application/json"]
            codes = media["schema"]["allOf"][1]["properties"]["error_code"]["enum"]
            assert list(media["examples"]) == codes
            for code in codes:
                shown = build(ROUTES)["components"]["examples"][code]["value"]
                assert (shown["error_code"], STATUS_OF[code]) == (code, int(status))
                assert validator(media["schema"]).is_valid(shown)
