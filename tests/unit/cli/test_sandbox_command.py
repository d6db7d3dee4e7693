"""What ``flowmend sandbox`` says where it cannot begin."""

import socket

import pytest

from daemon.cli.sandbox import sandbox
from daemon.core.exceptions import ConfigError


def test_a_port_that_is_taken_is_told_in_a_few_words_with_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError) as refused:
            sandbox(world="empty", port=port)

    assert str(refused.value) == (
        f"port {port} on 127.0.0.1 cannot be used (Address already in use): is it another sandbox's? Choose another "
        "with --port (0 takes any that is free)"
    )
