"""A pretended Ordo for one client: what it is to answer, and what it was asked."""

import json

import httpx

from ordo_client import AsyncOrdo, Order, Ordo

URL = "https://ordo.test"
TOKEN = "t0p-s3cret"
SBIN = Order(symbol="NSE:SBIN", side="BUY", quantity=10, type="LIMIT", price=815)
AT = "2026-11-21T09:15:00.000Z"


def envelope(data=None, *, status="success", results=(), **more):
    """The bytes of a good answer."""
    plain = {
        "status": status,
        "request_id": "r-1",
        "error_code": None,
        "message": None,
        "data": data or {},
        "results": list(results),
    }
    return httpx.Response(200, json=plain | more)


def refused(code, status, message="no", data=None, **headers):
    """A global error."""
    plain = json.loads(envelope(data).content)
    plain |= {"status": "error", "error_code": code, "message": message}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, json=plain, headers=named)


def batch(*statuses, status="success", **more):
    """An answer to an order, with a leg of each status."""
    data = {
        "batch_id": "B",
        "portfolio_id": None,
        "idempotency_key": "K",
        "replayed": False,
        "created_at": AT,
    }
    results = [
        {"order_index": 0, "broker": f"b{n}", "order_id": f"O{n}", "status": one}
        for n, one in enumerate(statuses)
    ]
    return envelope(data, status=status, results=results, **more)


class Stub:
    """Answers in turn; the last answer stands for all that come after it."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []

    def __call__(self, request):
        self.asked.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(
            answer.status_code, headers=answer.headers, content=answer.content
        )

    @property
    def keys(self):
        return [request.headers.get("Idempotency-Key") for request in self.asked]

    def client(self, **options):
        return Ordo(URL, TOKEN, transport=httpx.MockTransport(self), **options)

    def async_client(self, **options):
        return AsyncOrdo(URL, TOKEN, transport=httpx.MockTransport(self), **options)
