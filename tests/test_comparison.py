"""The comparison must see what a peer does wrong, whoever it is, and say nothing that it did not see."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from bench.books import Account, Books, Gaps
from bench.compare import parser, takes_part, trials
from bench.comparison.environment import Machine
from bench.comparison.judging import Ending, Result, Sample, beginning, healthy_rate
from bench.comparison.notes import Notes
from bench.comparison.peers import PEERS, Peer
from bench.comparison.scenarios import SCENARIOS, Scenario
from bench.comparison.tables import Runs, markdown
from bench.comparison.trial import Trial, attempt
from bench.run import a_sink, books, gaps
from bench.trouble import BROKEN, BUSY, LATE, LATER, OK, ROOM, TOO_MANY, Kind, Trouble, is_sick
from bench.workload import Workload
from tests.test_bench import EVENTS, USERS, a_body

# A peer that needs no Kafka: it sends the events that it is told, each by its number and its user's.
PROGRAM = """
import http.client, os, sys, urllib.parse
url = urllib.parse.urlsplit(os.environ["URL"])
sink = http.client.HTTPConnection(url.hostname, url.port)
for event in map(int, sys.argv[1].split(",")):
    sink.request("POST", url.path, body=f'{{"messageId": "pb-{event:09}-0000001-{event:07}"}}')
    sink.getresponse().read()
"""
# It waits to be killed, at half of what the sink expects; started again it sends the same and ends.
WAIT_ONCE = """
import pathlib, time
again = pathlib.Path("again")
if not again.exists():
    again.touch()
    time.sleep(60)
"""
AT_ONCE = Scenario("0 ms", "short", limit=20.0)


def a_peer(events: Sequence[int], afterwards: str = "") -> Peer:
    program = (sys.executable, "-c", PROGRAM + afterwards, ",".join(map(str, events)))
    return Peer("planted", "key", lambda: "1", lambda _: program)


def a_machine() -> Machine:
    return Machine("2026-11-23", 2, "a processor", 8.0, "6.1", "3.11", "17", "1.26", "4.4")


def a_result(peer: str = "planted", scenario: str = "0 ms", number: int = 1, **figures: object) -> Result:
    return Result(peer, scenario, number, **{"ended": Ending.COMPLETE, **figures})  # type: ignore[arg-type]


def test_what_a_peer_does_wrong_is_seen(tmp_path: Path) -> None:
    result = attempt(Trial(a_peer([0, 2, 1, 2, 4]), AT_ONCE, 1), "nowhere:9092", tmp_path)
    assert (1, 1, 4, Ending.EXITED) == (result.late, result.duplicates, result.arrived, result.ended)
    assert result.events - 4 == result.lost
    assert len(b'{"messageId": "pb-000000000-0000001-0000000"}') == result.body


@pytest.mark.parametrize("said", [[], ["--folder", "elsewhere"]])
def test_peers_find_their_files_from_the_folder_that_they_are_started_in(said: list[str]) -> None:
    assert parser().parse_args(said).folder.is_absolute()


def test_a_peer_that_sends_nothing_has_a_result(tmp_path: Path) -> None:
    peer = Peer("planted", "key", lambda: "1", lambda _: (sys.executable, "-c", ""))
    result = attempt(Trial(peer, AT_ONCE, 1), "nowhere:9092", tmp_path)
    assert a_result(ended=Ending.SILENT) == result


def test_what_a_killed_peer_sends_again_is_counted_and_what_it_forgets_is_lost(tmp_path: Path) -> None:
    peer = a_peer(range(10_600), WAIT_ONCE)
    kill = Scenario("kill", "short", limit=30.0, kill=True)
    result = attempt(Trial(peer, kill, 1), "nowhere:9092", tmp_path)
    assert (10_600, 10_600, 10_600, 9_400) == (result.at_kill, result.arrived, result.duplicates, result.lost)
    assert result.silence is not None
    assert result.rate is None


@pytest.mark.parametrize(
    ("trouble", "user", "since", "chance", "expected"),
    [
        (Trouble(Kind.FLAKY), 1, 99.0, 0.009, BUSY),
        (Trouble(Kind.FLAKY), 1, 0.0, 0.011, OK),
        (Trouble(Kind.SLOW, 5.0), 20, 4.9, 0.0, LATE),
        (Trouble(Kind.SLOW, 5.0), 21, 4.9, 0.0, OK),
        (Trouble(Kind.SLOW, 5.0), 20, 5.1, 0.0, OK),
        (Trouble(Kind.DOWN, 5.0), 20, 4.9, 0.0, BROKEN),
        (Trouble(Kind.DOWN, 5.0), 20, 5.1, 0.0, OK),
        (Trouble(), 20, 0.0, 0.0, OK),
        (Trouble(Kind.SLOWER, 9.0), 1, 2.9, 0.0, OK),
        (Trouble(Kind.SLOWER, 9.0), 1, 3.1, 0.0, LATER),
        (Trouble(Kind.SLOWER, 9.0), 1, 6.1, 0.0, OK),
    ],
)
def test_trouble_meets_whom_it_is_meant_for(
    trouble: Trouble, user: int, since: float, chance: float, expected: object
) -> None:
    assert expected == trouble.reply(user, since, chance)


@pytest.mark.parametrize(("kind", "expected"), [(Kind.REFUSES, TOO_MANY), (Kind.BUSY, BUSY)])
def test_whoever_comes_when_too_many_are_open_is_refused(kind: Kind, expected: object) -> None:
    assert [OK, expected] == [Trouble(kind).reply(1, 0.0, 0.0, open_) for open_ in (ROOM - 1, ROOM)]


def test_a_tenth_of_the_users_is_sick() -> None:
    assert 100 == sum(map(is_sick, range(1000)))


def test_a_sink_in_trouble_refuses_and_remembers_what_never_came() -> None:
    with a_sink(Workload(EVENTS, USERS), 0.0, trouble=Trouble(Kind.DOWN, 60.0)) as url:
        port = int(url.rpartition(":")[2])
        sent = [a_body(0, user=1, place=0), a_body(1, user=0, place=0), a_body(2, user=1, place=2)]
        assert [200, 500, 200] == [asyncio.run(status(port, body)) for body in sent]
        account, missing = books(url), gaps(url)
    assert (2, 1, 2, 0) == (account.arrived, account.refused, account.healthy, account.open)
    assert Gaps(passed_over=1, refused=1) == missing


async def status(port: int, body: bytes) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"POST /x HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))
    line = await reader.readline()
    writer.close()
    await writer.wait_closed()
    return int(line.split()[1])


def test_an_event_that_was_refused_and_came_later_is_no_gap() -> None:
    account = Books(EVENTS, USERS)
    for take in (account.refuse, account.arrive):
        user = take(a_body(0, user=1, place=0), 1.0)
        assert user is not None
        account.leave(user)
    assert Gaps(0, 0) == account.gaps()


def test_a_refused_request_that_is_open_makes_an_overlap() -> None:
    account = Books(EVENTS, USERS)
    account.refuse(a_body(0, user=1), 1.0)
    account.arrive(a_body(1, user=1), 1.0)
    assert 1 == account.account.overlaps


def test_a_warm_rate_begins_where_enough_had_come() -> None:
    samples = [Sample(1.0, 0, 0, 0), Sample(2.0, 60, 0, 60), Sample(3.0, 120, 0, 120)]
    account = Account(arrived=200, first=1.0, last=4.0)
    assert (1.0, 0) == beginning(samples, account, 0)
    assert (3.0, 120) == beginning(samples, account, 100)
    assert (4.0, 200) == beginning(samples, account, 500)


def test_the_healthy_rate_is_taken_while_the_others_are_sick() -> None:
    # Per second 10 at first, 5 once the trouble is met, 100 after it.
    samples = [Sample(100.0 + second, 0, healthy, 0) for second, healthy in enumerate((0, 10, 20, 25, 30, 35, 135))]
    assert 5.0 == healthy_rate(samples, Account(first=100.0), window=5.0)
    assert healthy_rate(samples[:2], Account(first=100.0), window=5.0) is None


def test_everybody_runs_once_before_anybody_runs_twice() -> None:
    names = [(each.scenario.name, each.round, each.peer.name) for each in trials(PEERS[:2], ["0 ms", "kill"], 2)]
    first, second = PEERS[0].name, PEERS[1].name
    assert [
        ("0 ms", 1, first),
        ("0 ms", 1, second),
        ("kill", 1, first),
        ("kill", 1, second),
        ("0 ms", 2, first),
        ("0 ms", 2, second),
    ] == names


def test_who_cannot_show_it_takes_no_part() -> None:
    takers = {each.name: {other.name for other in PEERS if takes_part(other, each)} for each in SCENARIOS}
    assert {each.name for each in PEERS} == takers["0 ms"]
    assert {"redpanda-connect-1", "faststream", "kafka-python-requests"} == takers["0 ms"] - takers["down"]
    assert {"faststream-64", "threads-requests-64"} <= takers["down"] - takers["warm"]


def test_a_run_that_was_done_is_not_done_again(tmp_path: Path) -> None:
    trial = Trial(PEERS[0], SCENARIOS[0], 1)
    assert not Notes(tmp_path).has(trial)
    result = a_result(trial.peer.name, trial.scenario.name, rate=1.0)
    Notes(tmp_path).add(result)
    again = Notes(tmp_path)
    assert [result] == again.results
    assert again.has(trial)
    assert not again.has(Trial(trial.peer, trial.scenario, 2))


def test_the_table_shows_the_median_and_the_spread_but_the_worst_of_what_must_not_be() -> None:
    results = [
        a_result(number=number, rate=rate, late=late) for number, rate, late in ((1, 9, 0), (2, 7, 3), (3, 8, 0))
    ]
    runs = Runs(a_peer([]), results)
    assert "8 (7–9)" == runs.spread("0 ms", lambda each: each.rate, ".0f")
    assert "3" == runs.worst(("0 ms",), lambda each: each.late)
    assert "–" == runs.spread("50 ms", lambda each: each.rate, ".0f")
    assert "| planted | key | 8 (7–9) |" in markdown(a_machine(), [a_peer([])], results)


def test_a_disturbed_run_counts_only_where_there_is_no_other() -> None:
    quiet, disturbed = a_result(rate=9.0, others=0.1), a_result(number=2, rate=5.0, others=0.2)
    assert "9" == Runs(a_peer([]), [quiet, disturbed]).spread("0 ms", lambda each: each.rate, ".0f")
    assert "5*" == Runs(a_peer([]), [disturbed]).spread("0 ms", lambda each: each.rate, ".0f")


def test_what_a_cut_run_lost_is_marked() -> None:
    results = [a_result(scenario="flaky", ended=Ending.CUT, lost=2, rate=5.0)]
    assert "| 2 (cut) |" in markdown(a_machine(), [a_peer([])], results)
