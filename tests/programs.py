"""Programs from outside that some tests run: those that ``scripts/install-test-tools`` brings."""

import shutil

import pytest


def program(name: str) -> str:
    """Return the path of a program; a test that lacks it fails and says what to do, it does not pass unnoticed."""
    return shutil.which(name) or pytest.fail(f"{name} is not installed here: run scripts/install-test-tools as root")
