"""What must hold for every answer, whatever was asked."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import unquote

from jsonschema import Draft202012Validator

from ordo.http import pages
from ordo.http.errors import STATUS_OF
from tests.fuzz.requests import Request
from tests.fuzz.wire import Answer

ENVELOPE = {"status", "request_id", "error_code", "message", "data", "results"}
REQUEST_ID = re.compile(r"[A-Za-z0-9_.:\-]{1,128}")
LEAKS = re.compile(r"Traceback|File \"|site-packages|\.py\b|0x[0-9a-f]{8}|hypercorn")
"""Of our insides, in an answer."""
PAGES = frozenset(pages.files())
"""What is served beside the API."""


class Checks:
    """Holds answers to the document.

    Args:
        document: the OpenAPI document.
        secrets: what must never be in an answer.
    """

    def __init__(self, document: Mapping[str, Any], secrets: Iterable[str]) -> None:
        self._document = document
        self._secrets = tuple(secrets)
        self._validators: dict[str, Draft202012Validator] = {}
        self._paths = [  # plain ones first, as the server looks
            (re.compile(re.sub(r"{\w+}", "[^/]+", path)), methods)
            for path, methods in sorted(
                document["paths"].items(), key=lambda item: "{" in item[0]
            )
        ]

    def problems(self, request: Request, answer: Answer) -> list[str]:
        """All that is wrong with an answer."""
        return [
            *self._of_status(answer),
            *self._of_headers(request, answer),
            *self._of_leaks(answer),
            *self._of_body(request, answer),
        ]

    def _of_status(self, answer: Answer) -> Iterable[str]:
        if answer.status >= 500 and answer.status != 503:
            yield f"a {answer.status}"
        if answer.status in (429, 503):
            after = answer.one("retry-after") or ""
            if not after.isdigit() or int(after) < 1:
                yield f"{answer.status} with Retry-After {after!r}"

    def _of_headers(self, request: Request, answer: Answer) -> Iterable[str]:
        for name in ("x-request-id", "content-type", "server-timing"):
            if answer.one(name) is None:
                yield f"{name}: wanted one, found {answer.all(name)}"
        given = [one.decode("latin-1") for one in request.header(b"X-Request-ID")]
        found = answer.one("x-request-id") or ""
        if not REQUEST_ID.fullmatch(found):
            yield f"x-request-id: {found!r}"
        elif len(given) == 1 and REQUEST_ID.fullmatch(given[0]) and found != given[0]:
            yield f"x-request-id: sent {given[0]!r}, found {found!r}"
        length = answer.one("content-length")
        if request.method != b"HEAD" and length not in (None, str(len(answer.body))):
            yield f"content-length {length} of {len(answer.body)} bytes"
        for name in ("server", "x-powered-by", "access-control-allow-origin"):
            if answer.all(name):
                yield f"{name}: {answer.all(name)}"

    def _of_leaks(self, answer: Answer) -> Iterable[str]:
        text = answer.body.decode("utf-8", "replace")
        text += "".join(f"\n{name}: {value}" for name, value in answer.headers)
        for secret in self._secrets:
            if secret in text:
                yield "a secret"
        if answer.status >= 400 and (found := LEAKS.search(text)):
            yield f"insides: {found[0]!r}"

    def _of_body(self, request: Request, answer: Answer) -> Iterable[str]:
        declared = self._responses(request)
        kind = (answer.one("content-type") or "").partition(";")[0]
        if declared is None and self._is_a_page(request, answer):
            return
        if declared is None:
            if answer.status not in (400, 404, 405, 413, 503):
                yield f"{answer.status} of what is not declared"
            contents = {"application/json": {"schema": _ref("Envelope")}}
        elif str(answer.status) not in declared:
            yield f"{answer.status} is not declared"
            return
        else:
            contents = declared[str(answer.status)]["content"]
        if kind not in contents:
            yield f"content-type {kind} is not declared for {answer.status}"
        elif kind == "application/json" and request.method != b"HEAD":
            schema = contents[kind]["schema"]
            yield from self._of_json(request, answer, schema)

    def _is_a_page(self, request: Request, answer: Answer) -> bool:
        """Whether a spoilt path has become a page's, which is no call of the API."""
        page = request.method in (b"GET", b"HEAD") and unquote(request.path) in PAGES
        return page and answer.status == 200

    def _responses(self, request: Request) -> Mapping[str, Any] | None:
        path, method = unquote(request.path), request.method.decode().lower()
        for pattern, methods in self._paths:
            if pattern.fullmatch(path):
                found: Mapping[str, Any] | None = methods.get(method)
                return found["responses"] if found else None
        return None

    def _of_json(self, request: Request, answer: Answer, schema: Any) -> Iterable[str]:
        try:
            value = json.loads(answer.body.decode(), parse_constant=_no_number)
        except ValueError as error:
            yield f"no JSON: {error}"
            return
        for error in self._validator(schema).iter_errors(value):
            yield f"{error.json_path}: {error.message[:200]}"
        if answer.status < 400 and request.path == "/openapi.json":
            return
        if set(value) != ENVELOPE:
            yield f"the envelope has {sorted(value)}"
            return
        if value["request_id"] != answer.one("x-request-id"):
            yield "request_id differs from X-Request-ID"
        yield from _of_error(value, answer.status)

    def _validator(self, schema: Any) -> Draft202012Validator:
        key = json.dumps(schema)
        if key not in self._validators:
            whole = {**schema, "components": self._document["components"]}
            self._validators[key] = Draft202012Validator(whole)
        return self._validators[key]


def _of_error(value: Any, status: int) -> Iterable[str]:
    code = value["error_code"]
    if status < 400:
        if code is not None:
            yield f"{status} with error_code {code}"
        return
    if STATUS_OF.get(code) != status:
        yield f"{status} with error_code {code}"
    if value["status"] != "error" or value["results"] or not value["message"]:
        yield "a global error that is not as one should be"


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is no number of JSON")
