"""From settings to publishers and alerts, and both in a running system."""

from datetime import timedelta

import pytest
import trio

from adapters import ConfigError, OrderStatus
from adapters.secret import Secret
from ordo.config import Settings, load
from ordo.config.sections import Alerts, Events, Kafka, Webhook
from ordo.looks import Looks
from ordo.publishing import channels_of, publishers_of
from tests.actors.test_alerts import Pager
from tests.actors.test_outbox import Bus
from tests.support.gateway import (
    a_batch,
    make_clockwork,
    make_paper,
    make_system,
    place,
    running,
    wall,
)
from tests.support.records import a_record


async def test_nothing_set_nobody_told():
    assert publishers_of(Settings(), wall) == []
    assert channels_of(Settings(), wall) == []


async def test_who_is_set_is_told():
    events = Events(
        kafka=Kafka(bootstrap_servers="127.0.0.1:1"), webhook=Webhook(url="https://h/")
    )
    alerts = Alerts(webhook="https://a/", email_to="me@x", smtp="smtp://mail.test")
    settings = Settings(events=events, alerts=alerts)
    publishers, channels = publishers_of(settings, wall), channels_of(settings, wall)
    assert [each.name for each in publishers] == ["kafka", "webhook"]
    assert [each.name for each in channels] == ["webhook", "mail"]
    for each in (*publishers, *channels):
        await each.aclose()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (
            Settings(events=Events(webhook=Webhook(url="http://h/"))),
            "events.webhook.url",
        ),
        (Settings(alerts=Alerts(webhook="ftp://h/")), "alerts.webhook: wanted https"),
        (Settings(alerts=Alerts(email_to="me@x")), "alerts.smtp: wanted smtp://"),
    ],
)
def test_what_cannot_be_is_refused_by_its_key(settings, words):
    with pytest.raises(ConfigError, match=words.partition(":")[0]):
        [*publishers_of(settings, wall), *channels_of(settings, wall)]


def test_their_secrets_may_be_references(tmp_path):
    file = tmp_path / "ordo.toml"
    file.write_text(
        '[events.webhook]\nurl = "https://h/"\nsecret = "env:HOOK"\n'
        '[alerts]\nsmtp_password = "env:MAIL"\n'
    )
    settings = load(file, {"HOOK": "s1", "MAIL": "s2"})
    assert settings.events.webhook.secret == Secret("s1")
    assert settings.alerts.smtp_password == Secret("s2")
    with pytest.raises(ConfigError, match=r"events\.webhook\.secret"):
        load(file, {"MAIL": "s2"})


async def test_a_running_system_tells_publishers_and_people(autojump_clock):
    bus, pager = Bus(), Pager()
    system = make_system({"one": make_paper()}, publishers=[bus], channels=[pager])
    async with running(system):
        await trio.sleep(2)
        await place(system, a_batch("one"))
        await trio.sleep(2)
        system.store.failure = "disk full"
        await trio.sleep(20)
        system.store.failure = None
        await trio.sleep(20)
    assert bus.got[:2] == [1, 2]
    assert pager.told == [
        ("critical", "the store fails"),
        ("resolved", "the store fails"),
    ]
    assert system.outboxes[0].report.delivered == len(bus.got)


async def test_an_order_unknown_for_too_long_is_named(autojump_clock):
    system = make_system({"one": make_paper()})
    store = system.records._store
    long_ago = wall() - timedelta(seconds=301)
    for order_id, since in (("OLD", long_ago), ("NEW", wall())):
        record = a_record(OrderStatus.UNKNOWN, order_id=order_id, updated_at=since)
        store._orders[order_id] = record
    (state,) = await Looks(system).unknown()
    assert (state.key, state.broker) == ("unknown:OLD", "one")


@pytest.mark.parametrize(
    ("hours", "named"),
    [(0, ["one"]), (-1, []), (1, []), (5 * 24, [])],  # 9:15 is 3:45 in UTC
)
async def test_a_missing_login_is_worth_a_call_before_the_market_opens(
    hours, named, autojump_clock
):
    system = make_system({"one": make_paper()})
    now = wall() + timedelta(hours=hours, minutes=-10)
    clockwork = make_clockwork()._replace(wall=lambda: now)
    system.clockwork = clockwork
    system.seats["one"].session.expired("of yesterday")
    found = await Looks(system).sessions()
    assert [state.broker for state in found] == named
