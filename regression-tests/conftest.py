# SPDX-License-Identifier: BSD-2-Clause
"""Fixtures that many test files use. A test that needs its own process or backend makes it with the classes themselves."""
import os
import signal

import pytest

from harness import namespace, peers, proxy
from harness.responder import Responder


# Module fixtures that cost next to nothing: a file's tests need not stay together for them.
SHARED_BY_FILES = ("backend",)


def pytest_report_header():
    return f"program: {proxy.BINARY}"


def pytest_configure(config):
    if hasattr(config, "workerinput"):
        namespace.enter()
    if not os.access(proxy.BINARY, os.X_OK):
        pytest.exit(f"no program at {proxy.BINARY}: build it, or name it in DNSPROXY_BINARY", 1)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Side by side (-n, --dist loadgroup), what shares a program goes to one process; every other test goes where there
    is room."""
    for item in items:
        wide = sorted(name for name, found in item._fixtureinfo.name2fixturedefs.items()
                      if found[-1].scope in ("module", "package") and name not in SHARED_BY_FILES)
        group = f"{item.path.stem}:{'+'.join(wide)}" if wide else f"{item.path.stem}:{item.originalname}"
        item.add_marker(pytest.mark.xdist_group(group))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session):
    """--last-failed knows a test by its name, wherever it ran: without the group that a parallel run adds."""
    cache = getattr(session.config, "cache", None)
    if cache is not None and not hasattr(session.config, "workerinput"):
        failed = cache.get("cache/lastfailed", {})
        cache.set("cache/lastfailed", {name.rsplit("@", 1)[0] if "@" in name else name: True for name in failed})


@pytest.fixture(scope="module")
def backend():
    """A responder that answers everything, for the whole file."""
    with Responder() as responder:
        yield responder


@pytest.fixture(scope="module")
def knot():
    if not peers.have_knot():
        pytest.skip("knotd is not installed")
    with peers.Knot() as server:
        yield server


@pytest.fixture(autouse=True)
def time_limit():
    """No test hangs: one that waits for ever fails with a trace of where it waits."""
    def expired(*_):
        raise TimeoutError("the test's time is over")
    before = signal.signal(signal.SIGALRM, expired)
    signal.alarm(60)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)
