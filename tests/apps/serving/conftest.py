"""What the tests of the servers share."""

import pytest

import kosbert


@pytest.fixture(scope="module")
def encoder(tiny):
    with kosbert.load(tiny) as encoder:
        yield encoder
