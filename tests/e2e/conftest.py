# SPDX-License-Identifier: BSD-2-Clause
"""Options of the end-to-end tests, and the start of the runs they need."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
# The helpers are tests too: a failed assertion in them explains itself.
import runs  # noqa: E402  pylint: disable=wrong-import-position


def pytest_addoption(parser):
    parser.addoption("--machine", default="bochs",
                     help="the lab's machine that tests run on")


def pytest_collection_finish(session):
    config = session.config
    if config.option.collectonly:
        return
    for item in session.items:
        # A parameter of this name is the name of a run.
        parameters = getattr(item, "callspec", None)
        named = [parameters.params.get("run")] if parameters else []
        for name in item.fixturenames + named:
            runs.BACKGROUND.start(name, config.getoption("--machine"))


def pytest_sessionfinish():
    runs.BACKGROUND.pool.shutdown(wait=False, cancel_futures=True)
