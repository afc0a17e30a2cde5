"""What a WASI command is given by our workers: bench.start and bench.end, and clocks that go faster."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from pipeline.experiment import matrix
from pipeline.runtimes.launch import start
from tests.contract.conftest import BACKENDS, HOSTS, VERSIONED
from tests.foreign import build_program

RUNTIMES = {name: {**VERSIONED, **BACKENDS}[name].runtime for name in sorted(HOSTS.values())}
GIVES_BENCH = [name for name, runtime in RUNTIMES.items() if runtime.gives_bench]
GIVES_CLOCKS = [name for name, runtime in RUNTIMES.items() if runtime.gives_clocks]
#: Works, and then works within the part that it wants timed; what it calls is in its argument.
PART = """
#include <stdio.h>
__attribute__((import_module("bench"), import_name("start"))) void bench_start(void);
__attribute__((import_module("bench"), import_name("end"))) void bench_end(void);
static volatile unsigned sum = 1;
static void work(void) { for (int i = 0; i < 200000; i++) sum = sum * 33 + i; }
int main(int argc, char *argv[])
{
    work();
    for (const char *call = argc > 1 ? argv[1] : ""; *call; call++) {
        if (*call == 's')
            bench_start();
        else
            bench_end();
        work();
    }
    return puts("done") < 0;
}
"""
#: Prints what the four clocks show before and after some work, ns.
CLOCKS = """
#include <stdio.h>
__attribute__((import_module("wasi_snapshot_preview1"), import_name("clock_time_get")))
int clock_time_get(int, long long, long long *);
static volatile unsigned sum = 1;
int main(void)
{
    long long shown[2][2];
    for (int time = 0; time < 2; time++) {
        for (int clock = 0; clock < 2; clock++)
            clock_time_get(clock, 0, &shown[time][clock]);
        for (int i = 0; i < 200000; i++)
            sum = sum * 33 + i;
    }
    return printf("%lld %lld\\n", shown[1][0] - shown[0][0], shown[1][1] - shown[0][1]) < 0;
}
"""
SPEED = 1000


@pytest.fixture(scope="module")
def programs(prepared, tmp_path_factory):
    folder = tmp_path_factory.mktemp("programs")
    return {
        name: str(build_program(folder / f"{name}.wasm", text))
        for name, text in {"part": PART, "clocks": CLOCKS}.items()
    }


def runs(backend, path, *requests, **options):
    """The answers to requests to run, by one worker."""
    memory_mib = 6144 if backend.name.startswith("jsc.") else 512
    with start(backend, replace(matrix.load({}).protocol, memory_mib=memory_mib)) as worker:
        request = {"op": "load", "path": path, "options": {**backend.options, **options}}
        loaded = worker.request(request, 60)
        assert not {"refused", "unavailable"} & set(loaded), loaded
        answers = [worker.request({"op": "run", "watch": False, **each}, 60) for each in requests]
    for answer in answers:
        assert (answer["outcome"], answer["code"]) == ("exit", 0), answer["message"]
    return answers


@pytest.mark.parametrize("name", GIVES_BENCH)
def test_the_part_that_a_module_wants_timed_is(chosen, programs, name):
    calls = ("se", "", "s", "es", "sese", "se")
    requests = [{"argv": ["guest", each]} for each in calls]
    answers = runs(chosen(name), programs["part"], *requests, bench=True)
    assert all(answer["stdout"] == "done\n" for answer in answers)
    seconds = {each: answer.get("bench_seconds") for each, answer in zip(calls, answers, strict=True)}
    assert [each for each, found in seconds.items() if found is not None] == ["se"], seconds
    # It works three times, once of these within the part.
    assert 0 < answers[-1]["bench_seconds"] < answers[-1]["wall_seconds"]


@pytest.mark.parametrize("name", GIVES_CLOCKS)
def test_clocks_go_faster_only_where_it_is_asked(chosen, programs, name):
    plain, faster = {"argv": ["guest"]}, {"argv": ["guest"], "speed": SPEED}
    first, hastened, last = runs(chosen(name), programs["clocks"], plain, faster, plain)
    for answer in (first, last):
        assert "returned" not in answer
        for shown in _shown(answer):
            assert 0 < shown <= answer["wall_seconds"] * 1e9
    returned = hastened["returned"]
    assert (returned["calls"], returned["score"]) == (4, None)
    # Between its last two calls the guest did next to nothing; between the first and the last it worked.
    for shown in _shown(hastened):
        assert returned["clock_ns"] * SPEED < shown
        assert hastened["wall_seconds"] * 1e9 < shown <= hastened["wall_seconds"] * 1e9 * SPEED


def _shown(answer):
    return [int(number) for number in re.fullmatch(r"(\d+) (\d+)\n", answer["stdout"]).groups()]
