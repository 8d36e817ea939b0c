"""A session as a machine: what lets us in, what ends it, what brings it back."""

from datetime import timedelta

from actors.session import Session, SessionState
from adapters import Grant
from adapters.secret import Secret
from tests.support.memory_store import START

GRANT = Grant(
    access_token=Secret("T"), issued_at=START, expires_at=START + timedelta(hours=8)
)


def test_a_broker_that_wants_no_login_is_always_in():
    session = Session()
    assert session.state is SessionState.ACTIVE
    session.answered(START)
    assert session.since == START


def test_without_a_grant_nobody_is_in_whatever_the_broker_answers():
    session = Session(required=True)
    session.answered(START)
    assert (session.state, session.since) == (SessionState.LOGGED_OUT, None)
    assert session.reason == "nobody has logged in yet"


def test_a_grant_lets_in_until_the_broker_refuses_it():
    session = Session(required=True)
    session.challenged = True
    assert session.state is SessionState.CHALLENGE
    session.granted(GRANT)
    assert session.state is SessionState.ACTIVE
    assert session.since == START
    assert session.expires_at == GRANT.expires_at
    assert not session.challenged
    session.expired("token is old")
    assert session.state is SessionState.EXPIRED
    assert session.reason == "token is old"


def test_a_login_beside_a_good_session_does_not_show():
    session = Session(required=True, grant=GRANT)
    session.challenged = True
    assert session.state is SessionState.ACTIVE


def test_a_refusal_that_was_a_mistake_is_forgotten():
    session = Session(required=True, grant=GRANT)
    session.expired("401")
    session.answered(START + timedelta(hours=1))
    assert session.active
    assert session.since == START + timedelta(hours=1)


def test_what_has_ended_or_was_left_stays_so():
    for leave, state in (
        (Session.ended, SessionState.EXPIRED),
        (Session.logged_out, SessionState.LOGGED_OUT),
    ):
        session = Session(required=True, grant=GRANT)
        leave(session, "over")
        session.answered(START)
        assert (session.state, session.reason) == (state, "over")
        assert session.expires_at is None
