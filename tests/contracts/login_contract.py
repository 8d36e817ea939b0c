"""What every adapter with a log-in must do.

A test module imports all names of this one beside those of `broker_contract`, and its
fixture `subject` is a `LoginSubject`.
"""

from datetime import UTC, timedelta

import pytest

from adapters.errors import BrokerError, LoginRefused, SessionExpired, Unsupported
from adapters.login import Challenge, ChallengeKind, Grant
from adapters.model import Acked
from adapters.secret import Secret
from tests.contracts.broker_contract import READS, look, placed, read, tag_of

MOST_ROUNDS = 4
LONGEST = timedelta(hours=24)


@pytest.fixture
async def outside(subject):
    """A port of the same account that is not logged in."""
    port = subject.fresh()
    yield port
    await port.aclose()


async def log_in(subject, port):
    """Talk until there is a grant."""
    step = await port.login.begin("a-single-use-state")
    for _ in range(MOST_ROUNDS):
        if isinstance(step, Grant):
            return step
        step = await port.login.answer(step, await subject.right(step))
    assert isinstance(step, Grant), "the broker asks without end"
    return step


async def first_challenge(port):
    step = await port.login.begin("a-single-use-state")
    assert isinstance(step, Challenge)
    return step


async def test_nobody_logged_in_means_nothing_sent(subject, outside):
    before = subject.heard()
    with pytest.raises(SessionExpired):
        await outside.place(subject.order, tag_of(subject), look)
    with pytest.raises(SessionExpired):
        await outside.cancel("1")
    for name in READS:
        with pytest.raises((SessionExpired, Unsupported)):
            await read_of(subject, outside, name)
    assert subject.heard() == before


async def read_of(subject, port, name):
    arguments = {"quotes": [[subject.order.symbol]], "order_by_tag": [tag_of(subject)]}
    return await getattr(port, name)(*arguments.get(name, []))


async def test_a_log_in_gives_a_grant_for_the_day_and_orders_go_out(subject, outside):
    grant = await log_in(subject, outside)
    for at in (grant.issued_at, grant.expires_at):
        assert at.tzinfo is UTC
    assert abs(grant.issued_at - subject.now()) < timedelta(minutes=2)
    assert timedelta(0) < grant.expires_at - subject.now() <= LONGEST
    outside.use(grant)
    await outside.check()
    answer = await outside.place(subject.order, tag_of(subject), look)
    assert isinstance(answer, Acked)


async def test_a_grant_counts_only_once_it_is_used(subject, outside):
    await log_in(subject, outside)
    with pytest.raises(SessionExpired):
        await outside.check()


async def test_it_says_beforehand_whether_somebody_is_needed(outside):
    unattended = outside.login.unattended
    assert isinstance(await outside.login.begin("s1"), Grant) is unattended


async def test_a_challenge_tells_what_it_wants_and_until_when(subject, outside):
    challenge = await first_challenge(outside)
    assert challenge.prompt
    assert challenge.good_until.tzinfo is UTC
    assert challenge.good_until > subject.now()
    if challenge.kind is ChallengeKind.OTP:
        assert challenge.fields
        assert challenge.login_url is None
    else:
        assert challenge.login_url.startswith("http")


async def test_a_wrong_answer_is_refused_and_gives_nothing(subject, outside):
    challenge = await first_challenge(outside)
    answers = await subject.wrong(challenge)
    with pytest.raises(LoginRefused) as caught:
        await outside.login.answer(challenge, answers)
    assert str(caught.value)
    with pytest.raises(SessionExpired):
        await outside.check()


async def test_a_challenge_that_has_run_out_is_refused_without_asking(subject, outside):
    challenge = await first_challenge(outside)
    answers = await subject.right(challenge)
    subject.pass_time(challenge.good_until - subject.now() + timedelta(seconds=1))
    before = subject.heard()
    with pytest.raises(LoginRefused) as caught:
        await outside.login.answer(challenge, answers)
    assert caught.value.again is False
    assert subject.heard() == before


async def test_a_session_that_the_broker_ended_says_so_and_nothing_was_done(subject):
    subject.expire()
    with pytest.raises(SessionExpired):
        await subject.port.place(subject.order, tag_of(subject), look)
    with pytest.raises(SessionExpired):
        await subject.port.check()
    assert list(subject.taken()) == []


async def test_after_an_expiry_a_new_log_in_goes_on(subject):
    subject.expire()
    subject.port.use(await log_in(subject, subject.port))
    await placed(subject)
    assert len(subject.taken()) == 1


async def test_what_is_not_used_any_more_is_gone_at_once(subject):
    before = subject.heard()
    subject.port.use(None)
    for name in ("check", "order_book"):
        with pytest.raises(SessionExpired):
            await read(subject, name)
    assert subject.heard() == before


async def test_a_log_out_ends_the_session_at_the_broker(subject, outside):
    grant = await log_in(subject, outside)
    outside.use(grant)
    await outside.login.logout()
    subject.port.use(grant)
    if subject.logs_out:
        with pytest.raises(SessionExpired):
            await subject.port.check()
    else:
        await subject.port.check()


async def test_a_log_out_without_a_session_harms_nothing(outside):
    assert await outside.login.logout() is None


async def test_a_token_from_elsewhere_expires_like_any_other(subject, outside):
    grant = await log_in(subject, outside)
    adopted = outside.login.adopt(grant.access_token, subject.now())
    assert adopted.expires_at == grant.expires_at
    outside.use(adopted)
    await outside.check()


async def test_a_token_from_elsewhere_of_no_known_form_expires_all_the_same(
    subject, outside
):
    adopted = outside.login.adopt(Secret("no-jwt"), subject.now())
    assert timedelta(0) < adopted.expires_at - subject.now() <= LONGEST
    assert adopted.expires_at.tzinfo is UTC


async def test_a_refresh_gives_a_grant_or_says_that_there_is_none(subject, outside):
    grant = await log_in(subject, outside)
    outside.use(grant)
    before = subject.heard()
    try:
        renewed = await outside.login.refresh(grant)
    except Unsupported:
        assert subject.heard() == before
    else:
        outside.use(renewed)
        await outside.check()


async def test_no_secret_is_shown(subject, outside):
    challenge = await first_challenge(outside)
    grant = await log_in(subject, outside)
    shown = [repr(outside), repr(outside.login), repr(challenge), repr(grant)]
    subject.expire()
    outside.use(grant)
    for call in (outside.check, outside.order_book):
        with pytest.raises(SessionExpired) as caught:
            await call()
        shown.append(f"{caught.value!r} {caught.value}")
    again = await first_challenge(outside)
    with pytest.raises(BrokerError) as refused:
        await outside.login.answer(again, await subject.wrong(again))
    shown.append(f"{refused.value!r} {refused.value}")
    hidden = [*subject.secrets, grant.access_token.reveal()]
    assert [secret for secret in hidden if secret in "\n".join(shown)] == []
