"""The sandbox as a process."""

from __future__ import annotations

import signal
import subprocess
import sys
import urllib.request

import pytest

from worker.sandbox import serve

PROGRAM = "from worker.sandbox import serve; serve('127.0.0.1:0', apart=['wootric'])"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_where_it_is_and_serves_until_it_is_told_to_stop(number: signal.Signals) -> None:
    with subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline().split() for _ in range(3)]
        assert ["sandbox", "wigzo", "wootric"] == [name for name, _ in lines]
        (_, main), (_, wigzo), (_, wootric) = lines
        assert main == wigzo != wootric
        with urllib.request.urlopen(f"{wootric}/sandbox/counts", timeout=60) as answer:  # noqa: S310  (our own)
            assert 200 == answer.status
        process.send_signal(number)
        assert 0 == process.wait(timeout=60)


@pytest.mark.parametrize("address", ["", "8484", ":8484", "127.0.0.1", "127.0.0.1:http", "127.0.0.1:65536"])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match=r"^the sandbox's address: expected HOST:PORT, found "):
        serve(address)
