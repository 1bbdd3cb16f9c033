"""What every Python test is given: a broker of its own, peers and proxies that end with the test.

When a test fails, the end of its broker's log stands below the failure.
"""

import pytest

from bench import broker as bench_broker
from bench.peer import IS_PAHO_2, VERSION_NAMES, Peer
from bench.proxy import Proxy
from bench.scripted import ScriptedServer
from bench.tools import Tools

PORT_OF_NOBODY = 1


def pytest_configure(config):
    config.addinivalue_line(
        "markers", "mosquitto_differs(why): mosquitto is known to fail this; bowline is not"
    )
    config.addinivalue_line("markers", "needs_paho_2: uses what paho-mqtt 1.6 does not have")


def pytest_collection_modifyitems(config, items):
    # What a library cannot do is not a test of it, so it is left out and not skipped.
    left_out = [i for i in items if i.get_closest_marker("needs_paho_2") and not IS_PAHO_2]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [i for i in items if i not in left_out]
    if bench_broker.IS_MOSQUITTO:
        for item in items:
            if differs := item.get_closest_marker("mosquitto_differs"):
                item.add_marker(pytest.mark.xfail(reason=differs.args[0]))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.failed:
        for name in ("broker", "default_broker"):
            if broker := getattr(item, "funcargs", {}).get(name):
                report.sections.append(("end of the broker's log", broker.log()))
    return report


@pytest.fixture
def broker(tmp_path):
    broker = bench_broker.Broker(tmp_path)
    yield broker
    broker.close()


@pytest.fixture
def peers(broker):
    """Makes peers: `peers("id", version=…)`; they are gone at the end of the test."""
    made = []

    def make(client_id=None, port=None, **options):
        peer = Peer(port or broker.port, client_id, **options)
        made.append(peer)
        return peer

    yield make
    for peer in made:
        peer.cut()


@pytest.fixture
def proxies(broker):
    made = []

    def make():
        made.append(Proxy(broker.port))
        return made[-1]

    yield make
    for proxy in made:
        proxy.close()


@pytest.fixture
def tools(broker, tmp_path):
    tools = Tools(tmp_path, broker.port)
    yield tools
    tools.close()


@pytest.fixture
def tools_alone(tmp_path):
    """Commands that meet no broker, unless they are given another port."""
    tools = Tools(tmp_path, PORT_OF_NOBODY)
    yield tools
    tools.close()


@pytest.fixture
def scripted():
    """Makes servers that answer by a script."""
    made = []

    def make(answers):
        made.append(ScriptedServer(answers))
        return made[-1]

    yield make
    for server in made:
        server.close()


def pytest_make_parametrize_id(val, argname):
    if argname.endswith("version") and val in VERSION_NAMES:
        return f"mqtt-{VERSION_NAMES[val]}"
    return None
