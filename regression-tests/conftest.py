# SPDX-License-Identifier: BSD-2-Clause
"""Fixtures that many test files use. A test that needs its own process or backend makes it with the classes themselves."""
import os
import signal

import pytest

from harness import peers, proxy
from harness.responder import Responder


def pytest_report_header():
    return f"program: {proxy.BINARY}"


def pytest_configure():
    if not os.access(proxy.BINARY, os.X_OK):
        pytest.exit(f"no program at {proxy.BINARY}: build it, or name it in DNSPROXY_BINARY", 1)


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
