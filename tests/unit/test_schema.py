"""results.json is read, and valid by its published JSON Schema, if the pipeline could have written it."""

import copy
import json
from datetime import datetime

import jsonschema
import msgspec
import pytest

from pipeline.core.errors import BadInput
from pipeline.core.limits import OF_WORKLOADS
from pipeline.core.model import Kind, Protocol, Status
from pipeline.experiment import protocols_table
from pipeline.results import model, results_json
from pipeline.results.json_schema import json_schema
from pipeline.stats import verdicts
from tests.data import page_inputs
from tests.recorded import DISTURBED, record

SCHEMA = json_schema()
FORMATS = jsonschema.FormatChecker(())


@FORMATS.checks("date-time", raises=ValueError)
def is_date_time(value):
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


VALIDATOR = jsonschema.Draft202012Validator(SCHEMA, format_checker=FORMATS)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    return msgspec.to_builtins(record(tmp_path_factory.mktemp("run")).results)


@pytest.fixture
def results(recorded):
    return json.loads(json.dumps(recorded))


def schema_complaints(value):
    return [f"{error.json_path}: {error.message}" for error in VALIDATOR.iter_errors(value)]


def is_read(value):
    """Whether the value is read, and is then the same."""
    try:
        found = results_json.parse(json.dumps(value).encode(), "results.json", model.Results)
    except BadInput:
        return False
    assert json.loads(json.dumps(msgspec.to_builtins(found))) == value
    return True


def accepted(value):
    """Whether it is read; what is read is valid by the schema."""
    good = is_read(value)
    if good:
        assert schema_complaints(value) == []
    return good


def label(cell):
    return "/".join(cell[part] for part in ("workload", "toolchain", "variant", "backend"))


def cell(results, status="ok", kind=None, disturbed=None):
    """The first cell of its kind."""
    return next(
        c
        for c in results["cells"]
        if c["status"] == status
        and kind in (None, c["kind"])
        and (disturbed is None or (c["measurement"] or {}).get("disturbed") == disturbed)
    )


def numbers(results, **chosen):
    return cell(results, **chosen)["measurement"]


def test_the_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_every_object_is_closed_and_requires_what_it_has():
    def look(value):
        if isinstance(value, dict):
            if value.get("type") == "object" and "properties" in value:
                assert value["additionalProperties"] is False
                assert set(value["properties"]) - set(value["required"]) <= OPTIONAL
            for inner in value.values():
                look(inner)
        elif isinstance(value, list):
            for inner in value:
                look(inner)

    look(SCHEMA)


#: Of a program only; and what of a runtime may be unknown.
OPTIONAL = {"says", "python", "packages", "programs"}
#: Left out where there is nothing to say, and in runs that were recorded before these were known.
OPTIONAL |= {
    "producers",
    "chunk_iterations",
    "work",
    "system_share",
    "reference_system_share",
    "ratio_to",
    "runs_by_clock",
    "warmup_seconds",
    "settled",
}


def test_every_object_is_described():
    for name, definition in SCHEMA["$defs"].items():
        assert definition.get("description") or "enum" in definition, name


def test_real_results_are_accepted(results):
    assert accepted(results)
    kinds = {
        (c["status"], c["kind"] == "native", (c["measurement"] or {}).get("disturbed"))
        for c in results["cells"]
    }
    assert len(kinds) > 4


def test_nothing_measured_is_accepted(results):
    none = cell(results, "unavailable")
    results.update(cells=[none], comparisons=[], created=None, warnings=[])
    results["workloads"][0]["reference"].update(score=None, sha256=None)
    results["pareto_fronts"] = {key: [] for key in results["pareto_fronts"]}
    none["wasm_sha256"] = None
    results["toolchains"][0].update(present=False, reason="not here", version="", sha256="")
    assert accepted(results)


def test_what_was_measured_and_several_workloads_are_accepted():
    for found in (page_inputs.results(), page_inputs.several(), page_inputs.full()[0]):
        assert accepted(json.loads(msgspec.json.encode(found)))
    assert page_inputs.several().across_workloads is not None


def test_prebuilt_modules_are_accepted(results):
    one = cell(results, kind=Kind.BASELINE.value)
    one["prebuilt"] = {"file": "a.wasm", "interface": "command", "validated": "CRCs"}
    assert accepted(results)
    one["prebuilt"]["validated"] = None
    assert accepted(results)


def test_what_other_machines_measured_is_accepted(results):
    assert [bool(other["host"]["os"]) for other in results["other_hosts"]] == [True, False]
    assert all(len(other["cells"]) > 1 for other in results["other_hosts"])
    results["other_hosts"] = []
    assert accepted(results)


def test_a_reference_that_others_measured_but_is_not_built_here_is_accepted(results):
    reference = results["workloads"][0]["reference"]
    assert reference["score"] is not None
    reference["sha256"] = None
    assert accepted(results)


def test_lengths_of_work_may_be_large(results):
    fronts = results["pareto_fronts"]["compile_time"]
    length = next(each for front in fronts for each in front["least_total_time"])
    length["from_iterations"] = 1e15
    assert accepted(results)


def test_what_is_written_is_what_is_read(tmp_path):
    path = str(tmp_path / "results.json")
    found = page_inputs.several()
    results_json.write(path, found)
    assert results_json.read(path) == found
    text = (tmp_path / "results.json").read_text("utf-8")
    assert text.startswith('{\n "schema": 4,\n "created": "')
    assert json.loads(text) == json.loads(msgspec.json.encode(found))


# The schema and the code say the same.


def test_words_and_bounds_are_those_of_the_code():
    definitions = SCHEMA["$defs"]
    assert set(definitions["Status"]["enum"]) == {status.value for status in Status}
    assert set(definitions["Kind"]["enum"]) == {kind.value for kind in Kind}
    words = {verdicts.FASTER, verdicts.SLOWER, verdicts.SAME, verdicts.UNDECIDED}
    assert set(definitions["Comparison"]["properties"]["verdict"]["enum"]) == words
    assert definitions["Results"]["properties"]["schema"] == {"enum": [results_json.SCHEMA]}
    protocol = definitions["ProtocolRecord"]["properties"]
    assert set(protocol) - {"confidence"} == set(Protocol.__dataclass_fields__) - set(OF_WORKLOADS)
    for key in set(protocol) - {"name", "confidence"}:
        number = {**protocol[key], **protocol[key].get("anyOf", [{}])[0]}
        asked = msgspec.json.schema(protocols_table.KEYS[key])
        asked |= asked.get("anyOf", [{}])[0]
        assert (number["minimum"], number.get("maximum")) == (asked["minimum"], asked.get("maximum")), key


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
_MAPS = (("packages",), ("programs",), ("compiler_evidence",))


@pytest.fixture
def small(results):
    """As few cells as have everything."""
    results["cells"] = [
        cell(results, kind=Kind.NATIVE.value),
        cell(results, disturbed=True),
        cell(results, "unavailable"),
    ]
    results["comparisons"] = results["comparisons"][:1]
    results["other_hosts"] = results["other_hosts"][:1]
    results["other_hosts"][0].update(cells=results["other_hosts"][0]["cells"][:1], comparisons=[])
    fronts = results["pareto_fronts"]
    results["pareto_fronts"] = {key: some[-1:] for key, some in fronts.items()}
    assert accepted(results)
    return results


def test_any_lost_key_is_noticed(small):
    seen = 0
    for path, _ in list(places(small)):
        holder = at(small, path[:-1])
        if not isinstance(holder, dict) or path[-1] in OPTIONAL or path[-2:-1] in _MAPS:
            continue
        before = dict(holder)
        del holder[path[-1]]
        assert not is_read(small), path
        assert schema_complaints(small), path
        holder.clear()
        holder.update(before)
        seen += 1
    assert seen > 200


def test_any_added_key_is_noticed(small):
    seen = 0
    for path, value in [((), small), *places(small)]:
        if isinstance(value, dict) and path[-1:] not in _MAPS:
            value["one_more"] = 1
            assert not is_read(small), path
            assert schema_complaints(small), path
            del value["one_more"]
            seen += 1
    assert seen > 20


@pytest.mark.parametrize("wrong", [{}, [[]], -1e300], ids=["an object", "a list", "a negative number"])
def test_any_value_of_a_different_kind_is_noticed(small, wrong):
    seen = 0
    for path, value in list(places(small)):
        scalar = not isinstance(wrong, (dict, list))
        # Evidence may be any shallow value, an object may be empty, and a break-even may be before the start.
        free = path[-2:-1] == ("compiler_evidence",) and wrong != [[]]
        free = free or (path[-1:] in _MAPS and wrong == {})
        free = free or (path[-2:] == ("break_even", "iterations_low") and scalar)
        if free or (not scalar and isinstance(value, type(wrong))):
            continue
        holder = at(small, path[:-1])
        holder[path[-1]] = wrong
        assert not is_read(small), path
        assert schema_complaints(small), path
        holder[path[-1]] = value
        seen += 1
    assert seen > 100


#: Refused by both, the reader and the schema.
DAMAGES = {
    "an older schema": lambda r: r.update(schema=2),
    "no cell": lambda r: r.update(cells=[]),
    "a time without a zone": lambda r: r.update(created="2026-01-02T03:04:05"),
    "a thirteenth month": lambda r: r.update(created="2026-13-02T03:04:05+00:00"),
    "no workload": lambda r: r.update(workloads=[]),
    "a workload with an unknown unit": lambda r: r["workloads"][0].update(unit="1/s"),
    "a workload without a validation": lambda r: r["workloads"][0].update(validation=""),
    "a revision that is none": lambda r: r["workloads"][0].update(revision="main"),
    "sources without a digest": lambda r: r["workloads"][0].update(sources_sha256=None),
    "a short digest": lambda r: r["workloads"][0]["reference"].update(sha256="abc"),
    "a digest in capitals": lambda r: cell(r)["identity"].update(
        packages={"p": {"version": "1", "sha256": "A" * 64}}
    ),
    "a digest and a line feed": lambda r: r["workloads"][0].update(sources_sha256="a" * 64 + "\n"),
    "an unknown status": lambda r: cell(r).update(status="fine"),
    "ok with a reason": lambda r: cell(r).update(reason="why"),
    "ok without a measurement": lambda r: cell(r).update(measurement=None),
    "ok without a score": lambda r: numbers(r).update(score=None),
    "a measurement of nothing": lambda r: cell(r, "unavailable").update(measurement=numbers(r)),
    "no reason": lambda r: cell(r, "trap").update(reason=None),
    "a score of zero": lambda r: numbers(r).update(score=0),
    "a negative ratio": lambda r: numbers(r).update(ratio_low=-0.1),
    "half a round": lambda r: numbers(r).update(rounds=1.5),
    "a rank of 0": lambda r: numbers(r, disturbed=False).update(rank_best=0),
    "a finding about nothing": lambda r: r["findings"][0].update(about="luck"),
    "a trend that is none": lambda r: numbers(r).update(trend="sideways"),
    "flags in one text": lambda r: cell(r).update(flags="-O3"),
    "a backend with a slash": lambda r: cell(r).update(backend="a/b"),
    "a present toolchain with a reason": lambda r: r["toolchains"][0].update(reason="why"),
    "a present toolchain without a digest": lambda r: r["toolchains"][0].update(sha256=""),
    "an absent toolchain without a reason": lambda r: r["toolchains"][0].update(present=False),
    "a probability above 1": lambda r: r["comparisons"][0].update(p=1.1),
    "a cell that is no label": lambda r: r["comparisons"][0].update(cell="zig/O2/native"),
    "a protocol out of bounds": lambda r: r["protocol"].update(rounds=0),
    "a host without memory": lambda r: r["host"].update(memory_bytes=0),
    "half a prebuilt module": lambda r: cell(r, disturbed=True).update(prebuilt={"file": "x"}),
    "half a different host": lambda r: r.update(other_hosts=[{"host": r["host"]}]),
    "a different host without workloads": lambda r: r["other_hosts"][0].pop("workloads"),
    "a different host without comparisons": lambda r: r["other_hosts"][0].pop("comparisons"),
    "a different host, ok without a score": lambda r: numbers(r["other_hosts"][1]).update(score=None),
    "a different host without a fingerprint": lambda r: r["other_hosts"][1]["host"].update(
        fingerprint="unknown"
    ),
}
#: Refused by the reader only: no JSON Schema is generated for keys that depend on each other in this way.
CONTRADICTIONS = {
    "two cells of one name": lambda r: r["cells"].append(copy.deepcopy(r["cells"][0])),
    "a cell with an unknown workload": lambda r: cell(r).update(workload="unknown"),
    "ok without an artifact": lambda r: cell(r, kind=Kind.BASELINE.value).update(wasm_sha256=None),
    "native ok without an artifact": lambda r: cell(r, kind=Kind.NATIVE.value).update(native_sha256=None),
    "a ratio outside its interval": lambda r: numbers(r).update(ratio_low=99.0),
    "an interval of one round": lambda r: numbers(r, disturbed=False).update(rounds_used=1),
    "an interval of one pair": lambda r: numbers(r, disturbed=False).update(pairs_used=1),
    "an undisturbed cell without degrees of freedom": lambda r: numbers(r, disturbed=False).update(
        degrees_of_freedom=0
    ),
    "a disturbed cell with degrees of freedom": lambda r: numbers(r, disturbed=True).update(
        degrees_of_freedom=2
    ),
    "a disturbed cell with an error": lambda r: numbers(r, disturbed=True).update(log_standard_error=0.1),
    "a disturbed cell with a rank": lambda r: numbers(r, disturbed=True).update(rank_best=1, rank_worst=1),
    "half a rank": lambda r: numbers(r, disturbed=False).update(rank_best=None, rank_worst=3),
    "a best rank below the worst": lambda r: numbers(r, disturbed=False).update(rank_best=4, rank_worst=3),
    "an undisturbed cell without an error": lambda r: numbers(r, disturbed=False).update(
        log_standard_error=None
    ),
    "a native cell with a module": lambda r: numbers(r, kind=Kind.NATIVE.value).update(wasm_bytes=9),
    "a module without a size": lambda r: numbers(r, kind=Kind.BASELINE.value).update(wasm_bytes=None),
    "a native cell with packages": lambda r: cell(r, kind=Kind.NATIVE.value)["identity"].update(packages={}),
    "a native cell that is prebuilt": lambda r: cell(r, kind=Kind.NATIVE.value).update(
        prebuilt={"file": "x", "interface": "command", "validated": None}
    ),
    "a module that is native": lambda r: cell(r, kind=Kind.BASELINE.value).update(native_sha256="0" * 64),
    "faster at a lower ratio": lambda r: r["comparisons"][0].update(verdict="faster", ratio=0.9),
    "slower at a higher ratio": lambda r: r["comparisons"][0].update(verdict="slower", ratio=1.1),
    "the same without a bound": lambda r: r["comparisons"][0].update(
        verdict="same within", difference_bound=None
    ),
    "the same within much": lambda r: r["comparisons"][0].update(
        verdict="same within", difference_bound=0.05
    ),
    "this host unknown": lambda r: r["host"].update(cpu=None),
    "here, a runtime of unknown packages": lambda r: cell(r, kind=Kind.BASELINE.value)["identity"].update(
        packages=None
    ),
    "here, a compiler without a version": lambda r: cell(r, kind=Kind.NATIVE.value)["identity"].update(
        version=None
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_results_are_refused(results, damage):
    assert accepted(results)
    DAMAGES[damage](results)
    assert not is_read(results)
    assert schema_complaints(results)


@pytest.mark.parametrize("damage", CONTRADICTIONS)
def test_contradicting_results_are_refused(results, damage):
    assert accepted(results)
    CONTRADICTIONS[damage](results)
    assert not is_read(results)


def test_the_disturbed_cell_exists(results):
    """The damages above need it."""
    assert label(cell(results, disturbed=True)) == DISTURBED


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "no such file"),
        ("{", "truncated"),
        ("[1]", "Expected `object`"),
        ('{"schema": 3}', "schema 3"),
        ('{"schema": 4}', "missing required field `created`"),
    ],
)
def test_a_file_that_is_no_results_is_refused_in_one_line(tmp_path, text, found):
    path = tmp_path / "results.json"
    if text:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(BadInput, match="run: doit run") as refused:
        results_json.read(str(path))
    assert found in str(refused.value)
    assert "\n" not in str(refused.value)
