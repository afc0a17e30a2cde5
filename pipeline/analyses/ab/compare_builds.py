"""``doit run ab old=BACKEND new=BACKEND``: which of two is faster, measured until that is answered."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from pipeline.analyses.ab import decision
from pipeline.analyses.ab.decision import FEWEST_ROUNDS, MOST_ROUNDS, Answer, Bounds
from pipeline.analyses.ab.paired_round import PairedRound, ensure_round
from pipeline.core import hints, host, paths
from pipeline.core.errors import BadInput, ProjectError, Regression, Undecided
from pipeline.core.files import write_atomic, write_json
from pipeline.core.model import Backend, Cell, Status
from pipeline.core.rich_text import as_text, new_table
from pipeline.experiment import backend_selection
from pipeline.experiment.plan import DEFAULT_AB_BUDGET_S, DEFAULT_UNTIL, Plan
from pipeline.measure.guest import Ended
from pipeline.measure.measure_round import ensure_sample
from pipeline.measure.sample_key import MeasurementSpec

_SCHEMA = 1
_WIDTH = 120
#: Between two lines on what is known so far, s.
_SHOWN_S = 10.0
#: Of a round that goes wrong: it is tried again so often, for a busy machine disturbs a clock.
_TRIES = 3


@dataclass(frozen=True)
class _Question:
    """Two backends, and when it is known which is faster."""

    old: Backend
    new: Backend
    bounds: Bounds
    budget_s: float  # for each program


@dataclass(frozen=True)
class _Row:
    """One program and the answer for it."""

    name: str
    answer: Answer


def refuse(plan: Plan) -> None:
    """Raises BadInput for a question that cannot be asked."""
    _question(plan)


def compare_builds(plan: Plan) -> None:
    """Measure, print, and write ab.json and ab.txt.

    Raises Regression where new is slower by more than threshold=, Undecided where that is open when a budget
    is spent, and ProjectError where one of the two cannot be measured.
    """
    question = _question(plan)
    rows: list[_Row] = []
    text = ""
    for old, new in _specs(plan, question):
        rows.append(_decide(question, old, new))
        text = _render(question, rows)
        _write(question, rows)
        write_atomic(paths.AB_TXT, text)
    print(text, end="", flush=True)
    _judge(question, rows)


def _question(plan: Plan) -> _Question:
    given = plan.given
    for name in ("old", "new"):
        if not given.get(name):
            again = hints.command("ab", given={}, old="wasmtime.cranelift@38.0.0", new="wasmtime.cranelift")
            raise BadInput(f"command line: {name}= is missing; run e.g.: {again}")
    old, new = (_backend(plan, name) for name in ("old", "new"))
    if old.name == new.name:
        raise BadInput(f"command line: old and new are both {old.name}; expected two different backends")
    text = given.get("budget", str(DEFAULT_AB_BUDGET_S))
    try:
        budget_s = float(text)
    except ValueError:
        budget_s = 0.0
    if not 1 <= budget_s <= 10**6:
        raise BadInput(f"command line: budget: expected seconds, as in budget=60; found {text!r}")
    return _Question(
        old, new, decision.read_bounds(given.get("until", DEFAULT_UNTIL), given.get("threshold")), budget_s
    )


def _backend(plan: Plan, name: str) -> Backend:
    found = backend_selection.pick(f"command line: {name}", [plan.given[name]], plan.known)
    if len(found) != 1 or found[0].native:
        names = ", ".join(backend.name for backend in found)
        raise BadInput(f"command line: {name}: expected one backend that runs wasm; found {names}")
    return found[0]


def _specs(plan: Plan, question: _Question) -> Iterator[tuple[MeasurementSpec, MeasurementSpec]]:
    cells: dict[str, dict[str, Cell]] = {}
    for cell in plan.cells():
        cells.setdefault(cell.name.rpartition("/")[0], {})[cell.backend.name] = cell
    for pair in cells.values():
        if not {question.old.name, question.new.name} <= pair.keys():
            raise ProjectError("a library is not what it was when this run began; run the same again")
        old, new = (
            MeasurementSpec(pair[backend.name], plan.protocol, plan.reference_name)
            for backend in (question.old, question.new)
        )
        yield old, new


def _decide(question: _Question, old: MeasurementSpec, new: MeasurementSpec) -> _Row:
    """Rounds until every bound is on one side of the interval, or the budget is spent."""
    program = _program(old)
    samples = []
    for spec in (old, new):
        # As a cell: all that is checked of one, and its reason where something is wrong.
        sample = ensure_sample(spec)
        if sample.status is not Status.OK:
            raise ProjectError(f"{spec.cell.name}: {sample.status.value}: {sample.reason}")
        samples.append(sample)
    if samples[0].printed != samples[1].printed:
        raise ProjectError(f"{program}: old and new do not print the same, so one of them is wrong")
    spent, shown = 0.0, time.monotonic()
    ratios: list[list[float]] = []
    while True:
        made = _round(old, new, len(ratios) + 1)
        ratios.append(made.ratios())
        spent += made.seconds
        found = decision.answer(ratios, question.bounds)
        over = (len(ratios) >= FEWEST_ROUNDS and spent >= question.budget_s) or len(ratios) == MOST_ROUNDS
        if found is not None and (found.word != "undecided" or over):
            return _Row(program, found)
        if over:
            raise ProjectError(f"{program}: in no two rounds had both a processor; see what else runs: top")
        if found is not None and time.monotonic() - shown >= _SHOWN_S:
            shown = time.monotonic()
            print(f"    {program}, after {found.rounds} rounds: {_interval(found)}", flush=True)


def _program(spec: MeasurementSpec) -> str:
    return spec.cell.name.rpartition("/")[0]


def _round(old: MeasurementSpec, new: MeasurementSpec, number: int) -> PairedRound:
    for tried in range(1, _TRIES + 1):
        try:
            return ensure_round(old, new, number)
        except Ended as error:
            if tried == _TRIES:
                raise ProjectError(f"{_program(old)}: {error.status.value}: {error.reason}") from None
    raise AssertionError("unreachable")


def _render(question: _Question, rows: list[_Row]) -> str:
    table = new_table(
        [
            ("program", "left"),
            ("new / old", "right"),
            ("interval", "right"),
            ("answer", "left"),
            ("rounds", "right"),
        ],
        [
            (
                row.name,
                f"{row.answer.ratio:.4f}",
                _interval(row.answer),
                _words(row.answer),
                str(row.answer.rounds),
            )
            for row in rows
        ],
    )
    bounds = [f"{bound:+.2%}" for bound in question.bounds.values]
    note = (
        f"Rounds are added for each program until the interval of the difference is on one side of each of "
        f"{', '.join(bounds)}, or have taken {question.budget_s:g} s. Intervals have "
        f"{decision.CONFIDENCE:.1%} confidence: of such answers 5 % are wrong at most."
    )
    return as_text([f"old = {_named(question.old)}\nnew = {_named(question.new)}", table, note], _WIDTH)


def _named(backend: Backend) -> str:
    """With the file that it is."""
    return " = ".join([backend.name, *backend.runtime.files])


def _interval(answer: Answer) -> str:
    return f"{answer.low - 1:+.2%} to {answer.high - 1:+.2%}"


def _words(answer: Answer) -> str:
    return {
        "faster": "new is faster",
        "slower": "new is slower",
        "same": "no difference beyond the bounds",
        "undecided": "undecided",
    }[answer.word]


def _write(question: _Question, rows: list[_Row]) -> None:
    write_json(
        paths.AB_JSON,
        {
            "schema": _SCHEMA,
            "host": msgspec.to_builtins(host.describe()),
            "old": question.old.name,
            "new": question.new.name,
            "bounds": list(question.bounds.values),
            "worst": question.bounds.worst,
            "confidence": decision.CONFIDENCE,
            "programs": [
                {
                    "program": row.name,
                    "answer": row.answer.word,
                    "ratio": row.answer.ratio,
                    "ratio_low": row.answer.low,
                    "ratio_high": row.answer.high,
                    "rounds": row.answer.rounds,
                    "pairs": row.answer.pairs,
                }
                for row in rows
            ],
        },
    )


def _judge(question: _Question, rows: list[_Row]) -> None:
    worst = f"{-question.bounds.worst:.2%}"
    slower = [row.name for row in rows if row.answer.slower]
    if slower:
        raise Regression(f"{question.new.name} is slower by more than {worst} on {', '.join(slower)}")
    undecided = [row.name for row in rows if not row.answer.no_slower]
    if undecided:
        raise Undecided(
            f"it is undecided whether {question.new.name} is slower by more than {worst} on "
            f"{', '.join(undecided)}; for more rounds use: budget={2 * question.budget_s:g}"
        )
