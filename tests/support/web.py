"""A broker that is a respx router: what adapters send is matched, and answered there.

It stands in where a call is whole and its bytes are not made yet, so that a test of one
call needs no server. That the bytes are right, `tests/adapters/test_http.py` holds.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import respx
from respx.mocks import AbstractRequestMocker

from adapters.http import BrokerHttp, Request
from adapters.reply import Reply


class _BrokerMocker(AbstractRequestMocker):
    name = "broker"
    targets = (f"{BrokerHttp.__module__}.{BrokerHttp.__name__}",)
    target_methods = ("exchange",)

    @classmethod
    def to_httpx_request(cls, *, request: Request, **_: Any) -> httpx.Request:
        if request.last_look is not None:
            request.last_look()
        return httpx.Request(
            request.endpoint.method,
            request.url,
            headers=list(request.headers),
            content=request.body,
        )

    @classmethod
    async def from_async_httpx_response(
        cls, httpx_response: httpx.Response, target: BrokerHttp, **_: Any
    ) -> Reply:
        body = await httpx_response.aread()
        return Reply(httpx_response.status_code, httpx_response.headers, body)


@contextmanager
def broker_web(**options: Any) -> Iterator[respx.MockRouter]:
    """Every broker's HTTP, for as long as the block lasts; *options* as respx's."""
    with respx.mock(using=_BrokerMocker.name, **options) as router:
        yield router
