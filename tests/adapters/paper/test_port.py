"""The paper broker is a broker like any other, and says so."""

import inspect

from adapters import (
    BrokerPort,
    Capabilities,
    OrderType,
    Product,
    PublishedLimits,
    TagRule,
    Validity,
    catalogue,
)
from adapters.brokers.paper import PaperBroker, PaperSettings
from tests.adapters.paper.family import make_broker


def test_it_has_every_call_of_the_port_with_the_same_parameters():
    wanted = {
        name: list(inspect.signature(call).parameters)
        for name, call in inspect.getmembers(BrokerPort, inspect.isfunction)
        if not name.startswith("_")
    }
    assert len(wanted) == 16
    for name, parameters in wanted.items():
        ours = getattr(PaperBroker, name)
        assert inspect.iscoroutinefunction(ours) is (name != "use"), name
        assert list(inspect.signature(ours).parameters) == parameters


def test_it_can_do_everything_but_without_limits():
    assert make_broker().capabilities == Capabilities(
        limits=PublishedLimits(),
        tag=TagRule(alphabet="0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", max_length=20),
        order_types=frozenset(OrderType),
        products=frozenset(Product),
        validities=frozenset(Validity),
        exchanges=frozenset({"NSE", "BSE", "NFO", "BFO", "CDS", "MCX", "US"}),
        book_poll=1.0,
        fractional=True,
        simulated=True,
    )


def test_the_catalogue_knows_where_it_is():
    assert catalogue.settings_type("paper") is PaperSettings
    assert catalogue.capabilities("paper") == make_broker().capabilities
