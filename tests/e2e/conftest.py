# SPDX-License-Identifier: BSD-2-Clause
"""Options of the end-to-end tests, and the start of the runs they need."""
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
# A failed assertion in these explains itself, as in a test.
pytest.register_assert_rewrite("runs", "hostile", "ledger", "symbols",
                               "counter")
import runs  # noqa: E402  pylint: disable=wrong-import-position


def pytest_addoption(parser):
    parser.addoption("--machine", default="bochs",
                     help="the lab's machine that tests run on")


@pytest.fixture(name="machine")
def machine_fixture(request):
    """The name of the machine under test."""
    return request.config.getoption("--machine")


def pytest_collection_finish(session):
    config = session.config
    if config.option.collectonly:
        return
    names = []
    for item in session.items:
        names += item.fixturenames
        # A parameter called run is the name of one.
        if hasattr(item, "callspec"):
            names.append(item.callspec.params.get("run"))
    runs.BACKGROUND.start(names, config.getoption("--machine"))


def pytest_terminal_summary(terminalreporter):
    for title, lines in runs.SUMMARY.items():
        terminalreporter.section(title)
        for line in lines:
            terminalreporter.write_line(line)


def pytest_sessionfinish():
    runs.BACKGROUND.pool.shutdown(wait=False, cancel_futures=True)
