"""Who may call what, and the headers that every answer has."""

import pytest

from tests.ordo.http.caller import calling

READS = [
    "/api/v1/orders",
    "/api/v1/kill-switch",
    "/api/v1/portfolio",
    "/api/v1/positions",
    "/api/v1/holdings",
    "/api/v1/funds",
    "/api/v1/trades",
    "/api/v1/orderbook",
    "/api/v1/quotes?symbols=NSE:SBIN",
    "/api/v1/status",
    "/openapi.json",
]
ID = "0123456789ABCDEF"
CALLS = [
    *(("GET", path, None, "read") for path in READS),
    ("GET", "/api/v1/audit", None, "admin"),
    ("POST", "/api/v1/orders", {}, "trade"),
    ("DELETE", f"/api/v1/orders/{ID}", None, "trade"),
    ("PUT", "/api/v1/kill-switch", {"engaged": True}, "trade"),
    ("PUT", "/api/v1/kill-switch", {"engaged": False}, "admin"),
    ("PUT", "/api/v1/brokers/one/breaker", {"state": "AUTO"}, "admin"),
]
SCOPES = ("read", "trade", "admin")


@pytest.mark.parametrize(("method", "path", "body", "wanted"), CALLS)
async def test_a_call_takes_its_scope_and_no_less(
    autojump_clock, tmp_path, method, path, body, wanted
):
    async with calling(tmp_path) as caller:
        nobody = await caller.call(method, path, body, scope=None)
        answers = {
            scope: await caller.call(method, path, body, scope=scope)
            for scope in SCOPES
        }
    assert (nobody.status, nobody.code) == (401, "unauthorized")
    for scope, answer in answers.items():
        enough = SCOPES.index(scope) >= SCOPES.index(wanted)
        assert (answer.status == 403) is not enough
        assert (answer.code == "forbidden") is not enough
        assert answer.status != 401


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Basic YTpi",
        "Bearer nonsense",
        "Bearer ordo_0000000000_nonsense",
        "Bearer " + "x" * 5000,
        "Bearer na\xefve",
    ],
)
async def test_a_bad_token_is_401_and_says_how_to_authenticate(
    autojump_clock, tmp_path, header
):
    async with calling(tmp_path) as caller:
        answer = await caller.get("/api/v1/orders", scope=None, Authorization=header)
    assert (answer.status, answer.code) == (401, "unauthorized")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert header not in answer.json["message"] or not header.partition(" ")[2]


async def test_a_token_revoked_a_moment_ago_is_401(autojump_clock, tmp_path):
    async with calling(tmp_path) as caller:
        before = await caller.get("/api/v1/orders", scope="read")
        token_id = caller.tokens["read"].split("_")[1]
        caller.system.tokens.revoke(token_id)
        after = await caller.get("/api/v1/orders", scope="read")
    assert (before.status, after.status) == (200, 401)
    assert after.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'


async def test_the_scheme_is_bearer_in_any_case(autojump_clock, tmp_path):
    async with calling(tmp_path) as caller:
        header = f"bEARER {caller.tokens['read']}"
        answer = await caller.get("/api/v1/orders", scope=None, Authorization=header)
    assert answer.status == 200


async def test_liveness_takes_no_token_and_tells_nothing_more(autojump_clock, tmp_path):
    async with calling(tmp_path) as caller:
        answer = await caller.get("/health", scope=None)
    assert (answer.status, answer.data) == (200, {"alive": True})


async def test_status_is_for_everyone_only_where_the_settings_say_so(
    autojump_clock, tmp_path
):
    async with calling(tmp_path) as caller:
        closed = await caller.get("/api/v1/status", scope=None)
    async with calling(tmp_path, public_status=True) as caller:
        open_ = await caller.get("/api/v1/status", scope=None)
        others = await caller.get("/api/v1/orders", scope=None)
    assert (closed.status, open_.status, others.status) == (401, 200, 401)


@pytest.mark.parametrize("given", ["abc", "a.b_c:D-9", "x" * 128])
async def test_a_sane_request_id_is_the_callers(autojump_clock, tmp_path, given):
    async with calling(tmp_path) as caller:
        answer = await caller.get("/health", X_Request_ID=given)
        lost = await caller.get("/nope", X_Request_ID=given)
    assert answer.headers["X-Request-ID"] == given
    assert lost.headers["X-Request-ID"] == given


@pytest.mark.parametrize("given", ["", "a b", "x" * 129, "<script>", "na\xefve"])
async def test_another_request_id_is_replaced(autojump_clock, tmp_path, given):
    async with calling(tmp_path) as caller:
        answer = await caller.get("/health", X_Request_ID=given)
    assert len(answer.headers["X-Request-ID"]) == 16


async def test_the_request_id_stands_in_the_audit(autojump_clock, tmp_path):
    async with calling(tmp_path) as caller:
        await caller.place(X_Request_ID="mine")
        answer = await caller.get("/api/v1/audit?request_id=mine")
    assert [row["action"] for row in answer.data["audit"]] == ["order.accepted"]


async def test_every_answer_is_for_this_client_and_this_moment(
    autojump_clock, tmp_path
):
    async with calling(tmp_path) as caller:
        answers = [
            await caller.get("/health"),
            await caller.get("/nope"),
            await caller.get("/api/v1/orders", scope=None),
            await caller.place(),
        ]
    for answer in answers:
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
