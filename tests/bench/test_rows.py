"""A tiny round of some rows, and the command line. What the figures are says nothing here; that there are some does."""

import asyncio
import json
import math
import socket
import ssl
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from bench.plan import Plan
from bench.report import Row
from bench.rig import CHECKOUT, Rig
from bench.rows import GROUPS, NAMES, measure_group, memory, php, sharing, starting, streaming
from bench.wire import write_http

TINY = Plan(
    rounds=1,
    window_seconds=0.3,
    streams=4,
    reply_tokens=10,
    many_streams=8,
    starts=1,
    memory_rounds=1,
    unread_tokens=2000,
    unread_seconds=0.1,
    leak_seconds=0.4,
    silence_seconds=0.1,
    readers=6,
)


def check(row: Row) -> None:
    assert all(math.isfinite(value) for value in row.values)
    # A busy machine may keep it from what is offered, but may not lose a token.
    assert [failure for failure in row.failures if "saturated" not in failure] == []


def test_a_tiny_round_gives_positive_ratios_and_no_errors(rig: Rig) -> None:
    rows = asyncio.run(streaming.tokens(rig, TINY))
    assert [row.name for row in rows] == ["G1", "G1 long", "G1 naive", "G3"]
    for row in rows:
        check(row)
        assert len(row.values) == 1
    assert rows[0].values[0] > 0
    assert rows[1].values[0] > 0


def test_many_streams_are_measured_with_short_and_with_long_replies(rig: Rig) -> None:
    rows = asyncio.run(streaming.growth(rig, TINY))
    assert [row.name for row in rows] == ["G2", "G4", "G4 long"]
    for row in rows:
        check(row)


def test_a_start_takes_longer_than_nothing(rig: Rig) -> None:
    rows = starting.one_shot(rig, TINY)
    assert [row.name for row in rows] == ["G10", "G10 ours"]
    for row in rows:
        check(row)
        assert row.values[0] > 0.5


def test_memory_is_measured_and_a_slow_reader_gets_all(rig: Rig) -> None:
    for row in asyncio.run(memory.streams(rig, TINY)):
        check(row)
        assert len(row.values) == 1


def test_php_has_its_first_token_sooner_through_the_sidecar_and_after_a_silence_too(rig: Rig) -> None:
    for measure in (php.first_token, php.after_silence):
        [row] = measure(rig, TINY)
        check(row)
        assert row.values
        assert max(row.values) < 1  # one round trip of 50 ms against three: no load of a machine turns that round


def test_the_way_is_as_long_as_it_says(rig: Rig) -> None:
    with rig.far(40) as port, closing(socket.create_connection(("127.0.0.1", port))) as raw:
        began = time.monotonic()
        context = ssl.create_default_context(cafile=str(rig.ca))
        with context.wrap_socket(raw, server_hostname="localhost") as connection:
            assert 0.079 < time.monotonic() - began < 5  # TCP and TLS
            began = time.monotonic()
            connection.sendall(write_http("0x1"))
            assert connection.recv(100).startswith(b"HTTP/1.1 200")
            assert 0.039 < time.monotonic() - began < 5


def test_the_readers_of_one_summary_pay_once(rig: Rig) -> None:
    [row] = asyncio.run(sharing.readers_of_one(rig, TINY))
    check(row)
    assert row.values[0] > 0
    assert row.details[0].startswith("1 call is paid for")


def test_every_row_belongs_to_one_group() -> None:
    assert len(set(NAMES)) == len(NAMES)
    assert NAMES == ("G1", "G3", "G2", "G4", "G5", "G7", "G8", "G9", "G10", "G11", "G12", "G13")


def test_a_group_may_be_asynchronous_or_not(rig: Rig) -> None:
    [row] = asyncio.run(measure_group(GROUPS[("G12",)], rig, TINY))
    assert row.name == "G12 short"
    check(row)


@pytest.mark.parametrize(("arguments", "status"), [(["--help"], 0), (["G99"], 2)])
def test_the_command_line_says_what_there_is(arguments: list[str], status: int) -> None:
    command = [sys.executable, "-m", "bench", *arguments]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=30)
    assert done.returncode == status
    assert "G12" in done.stdout + done.stderr


def test_the_command_prints_a_table_and_writes_json(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    command = [sys.executable, "-m", "bench", "--quick", "--json", str(file), "G9"]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    assert "start to listening" in done.stdout
    [row] = json.loads(file.read_text())["rows"]
    assert row["row"] == "G9"
    assert row["values"]
