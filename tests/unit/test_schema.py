"""The published schema of results.json takes what the pipeline writes, and nothing that was damaged."""

import copy
import json
from datetime import datetime

import jsonschema
import pytest

from pipeline.core import toml_checks
from pipeline.core.model import Kind, Protocol, Status
from pipeline.results import assemble as results_module
from pipeline.results.cells import label
from pipeline.stats import verdicts
from tests.conftest import ROOT
from tests.data import page_inputs
from tests.recorded import DISTURBED, record

PATH = ROOT / "pipeline" / "report" / "schemas" / "results.schema.json"
SCHEMA = json.loads(PATH.read_text(encoding="utf-8"))
FORMATS = jsonschema.FormatChecker(())


@FORMATS.checks("date-time", raises=ValueError)
def is_date_time(value):
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


VALIDATOR = jsonschema.Draft202012Validator(SCHEMA, format_checker=FORMATS)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    return record(tmp_path_factory.mktemp("run")).results


@pytest.fixture
def results(recorded):
    return copy.deepcopy(recorded)


def complaints(value):
    return [f"{error.json_path}: {error.message}" for error in VALIDATOR.iter_errors(value)]


def cell(results, status="ok", kind=None, disturbed=None):
    """The first cell of its kind."""
    return next(
        c
        for c in results["cells"]
        if c["status"] == status and kind in (None, c["kind"]) and disturbed in (None, c["disturbed"])
    )


def test_the_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_every_object_is_closed_and_requires_what_it_has():
    optional = {"elsewhere", "protocol", "warnings", "prebuilt", "says"}

    def look(value):
        if isinstance(value, dict):
            if value.get("type") == "object" and "properties" in value:
                assert value["additionalProperties"] is False
                assert set(value["properties"]) - set(value["required"]) <= optional
            for inner in value.values():
                look(inner)
        elif isinstance(value, list):
            for inner in value:
                look(inner)

    look(SCHEMA)
    assert set(SCHEMA["properties"]) - set(SCHEMA["required"]) == {"elsewhere"}


def test_real_results_are_valid(results):
    assert complaints(results) == []
    kinds = {(c["status"], c["kind"] == "native", c["disturbed"]) for c in results["cells"]}
    assert len(kinds) > 4


def test_nothing_measured_is_valid(results):
    none = cell(results, "unavailable")
    results.update(cells=[none], comparisons=[], created=None, warnings=[])
    results["workloads"][0]["reference"].update(score=None, sha256=None)
    results["tradeoffs"] = {"size": [], "compile": [], "all": []}
    none["wasm_sha256"] = None
    results["toolchains"][0].update(present=False, reason="not here", version="", sha256="")
    assert complaints(results) == []


def test_what_was_measured_and_several_workloads_are_valid():
    assert complaints(page_inputs.results()) == []
    several = page_inputs.several()
    assert several["across"] is not None
    assert complaints(several) == []


def test_what_others_built_may_be_there_or_not(results):
    one = cell(results, kind=Kind.INTERPRETER.value)
    one["prebuilt"] = {"file": "a.wasm", "interface": "command", "validated": "CRCs"}
    assert complaints(results) == []
    one["prebuilt"]["validated"] = None
    assert complaints(results) == []
    del one["prebuilt"]
    assert complaints(results) == []


def test_what_other_machines_measured_may_be_there_or_not(results):
    assert [bool(other["host"]["os"]) for other in results["elsewhere"]] == [True, False]
    assert all(len(other["cells"]) > 1 for other in results["elsewhere"])
    results["elsewhere"][0]["protocol"] = results["protocol"]
    del results["elsewhere"][1]["warnings"]
    assert complaints(results) == []
    del results["elsewhere"]
    assert complaints(results) == []


# The schema and the code say the same.


def test_words_and_bounds_are_those_of_the_code():
    definitions = SCHEMA["$defs"]
    properties = definitions["cell"]["properties"]
    assert properties["status"]["enum"] == [status.value for status in Status]
    assert set(properties["kind"]["enum"]) == {kind.value for kind in Kind}
    words = {verdicts.FASTER, verdicts.SLOWER, verdicts.SAME, verdicts.UNDECIDED}
    assert set(definitions["comparison"]["properties"]["verdict"]["enum"]) == words
    same = definitions["comparison"]["allOf"][-1]["then"]["properties"]["within"]
    assert same["maximum"] == verdicts.MOST_SAME
    assert SCHEMA["properties"]["schema"] == {"const": results_module.SCHEMA}
    protocol = definitions["protocol"]["properties"]
    assert set(protocol) - {"confidence"} == set(Protocol.__dataclass_fields__)
    for key in set(protocol) - {"name", "confidence"}:
        assert (protocol[key]["minimum"], protocol[key]["maximum"]) == toml_checks._BOUNDS[key], key


# Damages


def places(value, path=()):
    """Every (path, value) below a JSON value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*path, key), inner
        yield from places(inner, (*path, key))


def at(value, path):
    for key in path:
        value = value[key]
    return value


#: Objects whose keys are names from outside.
_MAPS = (("packages",), ("programs",), ("proof",))
THEIRS = ("elsewhere", 0, "warnings")


@pytest.fixture
def small(results):
    """As few cells as have everything."""
    kept = [
        cell(results, kind=Kind.NATIVE.value),
        cell(results, disturbed=True),
        cell(results, "unavailable"),
    ]
    results["cells"] = kept
    results["comparisons"] = results["comparisons"][:1]
    results["elsewhere"] = results["elsewhere"][:1]
    results["elsewhere"][0].update(cells=results["elsewhere"][0]["cells"][:1], comparisons=[])
    results["tradeoffs"]["size"] = results["tradeoffs"]["size"][-1:]
    results["tradeoffs"]["compile"] = results["tradeoffs"]["compile"][-1:]
    assert complaints(results) == []
    return results


def test_any_lost_key_is_noticed(small):
    optional = {("prebuilt",), ("elsewhere",), ("says",)}
    seen = 0
    for path, _ in list(places(small)):
        holder = at(small, path[:-1])
        if not isinstance(holder, dict) or path[-1:] in optional or path[-2:-1] in _MAPS or path == THEIRS:
            continue
        before = dict(holder)
        del holder[path[-1]]
        assert complaints(small), path
        holder.clear()
        holder.update(before)
        seen += 1
    assert seen > 200


def test_any_added_key_is_noticed(small):
    seen = 0
    for path, value in [((), small), *places(small)]:
        if isinstance(value, dict) and path[-1:] not in _MAPS:
            value["another"] = 1
            assert complaints(small), path
            del value["another"]
            seen += 1
    assert seen > 20


@pytest.mark.parametrize("wrong", [{}, [[]], -1e300], ids=["an object", "a list", "a negative number"])
def test_any_value_of_another_kind_is_noticed(small, wrong):
    seen = 0
    for path, value in list(places(small)):
        scalar = not isinstance(wrong, (dict, list))
        # A proof may say anything that is one value, be empty, and a break-even may lie before the start.
        free = path[-2:-1] == ("proof",) and scalar
        free = free or (path[-1:] in _MAPS and wrong == {}) or (path[-2:] == ("break_even", "low") and scalar)
        if free or (not scalar and isinstance(value, type(wrong))):
            continue
        holder = at(small, path[:-1])
        holder[path[-1]] = wrong
        assert complaints(small), path
        holder[path[-1]] = value
        seen += 1
    assert seen > 100


DAMAGES = {
    "another schema": lambda r: r.update(schema=1),
    "no cell": lambda r: r.update(cells=[]),
    "a time without a zone": lambda r: r.update(created="2026-01-02T03:04:05"),
    "a thirteenth month": lambda r: r.update(created="2026-13-02T03:04:05+00:00"),
    "no workload": lambda r: r.update(workloads=[]),
    "a workload of another unit": lambda r: r["workloads"][0].update(unit="1/s"),
    "a workload without a proof": lambda r: r["workloads"][0].update(proof=""),
    "a revision that is none": lambda r: r["workloads"][0].update(revision="main"),
    "sources without a digest": lambda r: r["workloads"][0].update(sources_sha256=None),
    "a short digest": lambda r: r["workloads"][0]["reference"].update(sha256="abc"),
    "a digest in capitals": lambda r: cell(r)["identity"].update(
        packages={"p": {"version": "1", "sha256": "A" * 64}}
    ),
    "an unknown status": lambda r: cell(r).update(status="fine"),
    "ok with a reason": lambda r: cell(r).update(reason="why"),
    "ok without a score": lambda r: cell(r).update(score=None),
    "ok without an artifact": lambda r: cell(r, kind=Kind.BASELINE.value).update(wasm_sha256=None),
    "native ok without an artifact": lambda r: cell(r, kind=Kind.NATIVE.value).update(native_sha256=None),
    "a score of nothing": lambda r: cell(r, "unavailable").update(score=1.0),
    "a proof of nothing": lambda r: cell(r, "trap").update(proof={}),
    "no reason": lambda r: cell(r, "trap").update(reason=None),
    "a score of zero": lambda r: cell(r).update(score=0),
    "a negative ratio": lambda r: cell(r).update(ratio_low=-0.1),
    "half a round": lambda r: cell(r).update(rounds=1.5),
    "an interval of one round": lambda r: cell(r, disturbed=False).update(undisturbed_rounds=1),
    "a disturbed cell with an error": lambda r: cell(r, disturbed=True).update(log_error=0.1),
    "a disturbed cell with a letter": lambda r: cell(r, disturbed=True).update(group="a"),
    "an undisturbed cell without an error": lambda r: cell(r, disturbed=False).update(log_error=None),
    "a native cell with a module": lambda r: cell(r, kind=Kind.NATIVE.value).update(wasm_bytes=9),
    "a native cell with packages": lambda r: cell(r, kind=Kind.NATIVE.value)["identity"].update(packages={}),
    "a module that is native": lambda r: cell(r, kind=Kind.BASELINE.value).update(native_sha256="0" * 64),
    "letters that are none": lambda r: cell(r, disturbed=False).update(group="A"),
    "a trend that is none": lambda r: cell(r).update(trend="sideways"),
    "flags in one text": lambda r: cell(r).update(flags="-O3"),
    "a backend with a slash": lambda r: cell(r).update(backend="a/b"),
    "a present toolchain with a reason": lambda r: r["toolchains"][0].update(reason="why"),
    "a present toolchain without a digest": lambda r: r["toolchains"][0].update(sha256=""),
    "an absent toolchain without a reason": lambda r: r["toolchains"][0].update(present=False),
    "a reference without a digest": lambda r: r["workloads"][0]["reference"].update(sha256=None),
    "a probability above 1": lambda r: r["comparisons"][0].update(p=1.1),
    "faster at a lower ratio": lambda r: r["comparisons"][0].update(verdict="faster", ratio=0.9),
    "slower at a higher ratio": lambda r: r["comparisons"][0].update(verdict="slower", ratio=1.1),
    "the same without a bound": lambda r: r["comparisons"][0].update(verdict="same within", within=None),
    "the same within much": lambda r: r["comparisons"][0].update(verdict="same within", within=0.05),
    "a cell that is no label": lambda r: r["comparisons"][0].update(one="zig/O2/native"),
    "a protocol out of bounds": lambda r: r["protocol"].update(rounds=0),
    "a host without memory": lambda r: r["host"].update(memory_bytes=0),
    "a module of someone, told by halves": lambda r: cell(r, disturbed=True).update(prebuilt={"file": "x"}),
    "elsewhere, told by halves": lambda r: r.update(elsewhere=[{"host": r["host"]}]),
    "elsewhere without workloads": lambda r: r["elsewhere"][0].pop("workloads"),
    "elsewhere without comparisons": lambda r: r["elsewhere"][0].pop("comparisons"),
    "elsewhere, ok without a score": lambda r: cell(r["elsewhere"][1]).update(score=None),
    "elsewhere, no fingerprint": lambda r: r["elsewhere"][1]["host"].update(fingerprint="unknown"),
    "here, a runtime of unknown packages": lambda r: cell(r, kind=Kind.BASELINE.value).update(
        identity={"name": "wasmtime", "version": "1"}
    ),
    "here, a compiler without a version": lambda r: cell(r, kind=Kind.NATIVE.value)["identity"].update(
        version=None
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_results_are_refused(results, damage):
    assert complaints(results) == []
    DAMAGES[damage](results)
    assert complaints(results)


def test_the_disturbed_cell_is_there(results):
    """The damages above need it."""
    assert label(cell(results, disturbed=True)) == DISTURBED
