"""What matrix.toml and the command line may contain, and the messages for mistakes."""

import itertools
from collections import Counter

import pytest

from pipeline.core import paths, toml_file
from pipeline.core.errors import BadInput
from pipeline.experiment import matrix
from pipeline.results import time_to_precision
from pipeline.runtimes import identity
from pipeline.runtimes.identity import installed

GOOD = """
workloads = ["coremark"]
toolchains = ["zig"]
backends = ["native", "wasmtime.cranelift"]
protocol = "quick"
reference = { toolchain = "zig", variant = "O3" }
[variants]
O2 = { flags = "-O2" }
O3 = { flags = "-O3" }
[protocols.quick]
rounds = 2
[measurement]
pairs = 4
chunk_ms = 20
warmup_chunks = 1
run_timeout_s = 5
load_timeout_s = 5
memory_mib = 512
seed = 1
"""


@pytest.fixture
def load(tmp_path):
    def load(text=GOOD, **variables):
        path = tmp_path / "matrix.toml"
        path.write_text(text)
        return matrix.load(variables, str(path))

    return load


def names(items):
    return [item.name for item in items]


def test_the_default_matrix_is_six_levels_under_every_backend_that_is_here():
    plan = matrix.load({})
    assert names(plan.variants) == ["O0", "O1", "O2", "O3", "Os", "Oz"]
    assert [v.flags for v in plan.variants] == [(f"-{v.name}",) for v in plan.variants]
    present = [b for b in plan.known.values() if installed(b.runtime)]
    assert names(plan.backends) == [b.name for b in present if not b.by_name]
    always = {"native", "wasmtime.cranelift", "wasmer.llvm", "wasmer.cranelift", "wasmer.singlepass"}
    assert always <= set(names(plan.backends))
    assert plan.protocol.name == "standard"


def test_a_backend_that_is_not_here_is_not_in_the_default_but_can_be_asked_for(monkeypatch):
    monkeypatch.setattr(identity, "find", lambda name, site=None: None)
    assert names(matrix.load({}).backends) == [
        "native",
        "wasmer.cranelift",
        "wasmer.llvm",
        "wasmer.singlepass",
    ]
    assert names(matrix.load({"backends": "v8.turbofan"}).backends) == ["v8.turbofan"]


def test_a_backend_that_must_be_asked_for_is_chosen_by_its_name_or_a_pattern(load):
    assert "jsc.ipint" not in names(matrix.load({}).backends)
    for asked in ("jsc.ipint", "jsc.*", "*"):
        assert "jsc.ipint" in names(matrix.load({"backends": asked}).backends)
    listed = load(GOOD.replace('["native", "wasmtime.cranelift"]', '["native", "jsc.ip*"]')).backends
    assert names(listed) == ["native", "jsc.ipint"]


def test_a_version_is_an_environment_of_its_own(load):
    one, other = load(backends="wasmtime.cranelift@38.0.0,wasmtime.cranelift").backends
    assert (one.name, other.name) == ("wasmtime.cranelift@38.0.0", "wasmtime.cranelift")
    assert one.runtime.name == "wasmtime@38.0.0"
    assert one.runtime.environment == "wasmtime-38.0.0"
    assert other.runtime.environment is None
    several = load(backends="wasmer.*@1.0.0").backends
    assert {b.runtime.environment for b in several} == {"wasmer-1.0.0"}
    assert len(several) == 3
    text = GOOD.replace('"wasmtime.cranelift"]', '"wasmtime.cranelift@1.0.1"]')
    assert names(load(text).backends) == ["native", "wasmtime.cranelift@1.0.1"]


@pytest.mark.parametrize(
    ("backends", "complaint"),
    [
        ("wasmtime.cranelift@", "not a version; expected one like 38.0.0"),
        ("wasmtime.cranelift@../x", "not a version"),
        ("wasmtime.cranlift@38.0.0", "did you mean 'wasmtime.cranelift'"),
        ("native@1.0", "native is not a PyPI package"),
    ],
)
def test_a_wrong_version_is_reported(load, backends, complaint):
    with pytest.raises(BadInput) as caught:
        load(backends=backends)
    assert complaint in str(caught.value)


def test_a_sweep_may_go_from_a_package_to_engines_from_source(load):
    text = GOOD + '[sweeps.wasmer]\nbackends=["wasmer.llvm"]\nvariants=["O3"]\nversions=["1.1.0", "3.3.0"]\n'
    package, engine = load(text, runtime="wasmer").backends
    assert [package.name, engine.name] == ["wasmer.llvm@1.1.0", "wasmer.llvm@3.3.0"]
    assert package.runtime.packages
    assert package.runtime.engine is None
    assert (engine.runtime.engine, engine.runtime.version) == ("wasmer", "3.3.0")
    assert not engine.runtime.packages


def test_a_sweep_is_versions_times_backends(load):
    text = (
        GOOD + '[sweeps.wasmtime]\nbackends=["wasmtime.*"]\nvariants=["O3"]\nversions=["1.0.1", "50.0.1"]\n'
    )
    plan = load(text, runtime="wasmtime", backends="wasmtime.cranelift")
    assert names(plan.backends) == ["wasmtime.cranelift@1.0.1", "wasmtime.cranelift@50.0.1"]
    assert names(plan.variants) == ["O3"]
    plan = load(text, runtime="wasmtime", backends="wasmtime.cranelift", versions="9.0.0", variants="O2")
    assert names(plan.backends) == ["wasmtime.cranelift@9.0.0"]
    assert names(plan.variants) == ["O2"]
    for wrong, complaint in (
        ({"versions": ","}, "versions= is empty"),
        ({"backends": "wasmtime.cranelift@38.0.0"}, "no backend of wasmtime without a version"),
        ({"backends": "v8.turbofan"}, "no backend of wasmtime"),
    ):
        with pytest.raises(BadInput, match=complaint):
            load(text, runtime="wasmtime", **wrong)
    with pytest.raises(BadInput, match="expected a name"):
        load(text.replace("sweeps.wasmtime", 'sweeps."../x"'), runtime="wasmtime")
    with pytest.raises(BadInput, match="versions= needs runtime="):
        load(text, versions="9.0.0")
    with pytest.raises(BadInput, match="did you mean 'wasmtime'"):
        load(text, runtime="wasmtme")


def test_quick_takes_the_first_rounds_of_standard():
    quick, standard = matrix.load({"protocol": "quick"}), matrix.load({"protocol": "standard"})
    assert quick.protocol.settings() == standard.protocol.settings()
    assert quick.protocol.rounds < standard.protocol.rounds


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("[variants]", "[variants", "not TOML"),
        (
            'protocol = "quick"',
            'protocl = "quick"',
            "unknown key 'protocl'; did you mean 'protocol'",
        ),
        (
            'protocol = "quick"',
            'protocol = "quik"',
            "unknown protocol 'quik'; did you mean 'quick'",
        ),
        ('"wasmtime.cranelift"]', '"wasmtime.cranlift"]', "did you mean 'wasmtime.cranelift'"),
        ('["native", "wasmtime.cranelift"]', "[]", 'expected "installed" or a list'),
        ('["native", "wasmtime.cranelift"]', "[1]", "backends[0]: expected a string, found 1"),
        ('["native", "wasmtime.cranelift"]', '"native"', 'expected "installed" or a list'),
        ('["zig"]', '["zag"]', "unknown toolchain 'zag'; did you mean 'zig'"),
        ('variant = "O3"', 'variant = "O9"', "reference.variant: unknown variant 'O9'"),
        ('O2 = { flags = "-O2" }', 'O2 = { flag = "-O2" }', "variants.O2: unknown key 'flag'"),
        ('O2 = { flags = "-O2" }', "O2 = { flags = 2 }", "variants.O2.flags: expected a string"),
        ('O2 = { flags = "-O2" }', 'O2 = { flags = "" }', "variants.O2.flags: empty; expected a string like"),
        ('O2 = { flags = "-O2" }', 'O2 = { flags = "-D\'" }', "No closing quotation"),
        ('O2 = { flags = "-O2" }', 'O2 = "-O2"', "variants.O2: expected a table"),
        ('O2 = { flags = "-O2" }', '"../x" = { flags = "-O2" }', "variants.'../x': expected a name: letters"),
        (
            "rounds = 2",
            "rounds = 0",
            "quick.rounds: expected a whole number from 1 to 1000, found 0",
        ),
        ("rounds = 2", "rounds = true", "expected a whole number"),
        ("rounds = 2", "runds = 2", "unknown key 'runds'; did you mean 'rounds'"),
        ("chunk_ms = 20", "chunk_ms = -1", "measurement.chunk_ms: expected a number"),
        ("chunk_ms = 20", "chunk_ms = nan", "measurement.chunk_ms: expected a number"),
        ("seed = 1", "", "seed is missing"),
    ],
)
def test_a_mistake_in_the_file_is_reported(load, tmp_path, old, new, complaint):
    assert old in GOOD
    with pytest.raises(BadInput) as caught:
        load(GOOD.replace(old, new))
    message = str(caught.value)
    assert complaint in message
    assert message.startswith(str(tmp_path / "matrix.toml"))
    assert "\n" not in message


@pytest.mark.parametrize(
    ("variables", "complaint"),
    [
        ({"backends": "wasmtim.*"}, "'wasmtim.*' matches nothing; did you mean 'wasmtime.*'?"),
        ({"backends": "native,nonsense"}, "'nonsense' matches nothing"),
        ({"backends": ""}, "backends= is empty"),
        ({"variants": "o3"}, "'o3' matches nothing; did you mean 'O3'"),
        ({"toolchains": "gcc*"}, "matches nothing; known: zig"),
        ({"flags": " ; "}, "flags= is empty"),
        ({"flags": "-O3 '"}, "No closing quotation"),
        ({"protocol": "fast"}, "command line: protocol: unknown protocol 'fast'"),
        ({"rounds": "many"}, "rounds: expected a whole number"),
        ({"rounds": "0"}, "rounds: expected a whole number"),
        ({"coremark": ""}, "coremark= is empty"),
    ],
)
def test_a_mistake_on_the_command_line_is_reported(load, variables, complaint):
    with pytest.raises(BadInput) as caught:
        load(**variables)
    assert complaint in str(caught.value)


def test_filters_are_globs_separated_by_commas(load):
    plan = load(backends="wasmtime.*")
    assert names(plan.backends) == [name for name in plan.known if name.startswith("wasmtime.")]
    # Every backend that is known may be asked for, not only those of the file.
    chosen = names(load(backends="native,wasmer.*").backends)
    assert chosen == ["native", "wasmer.cranelift", "wasmer.llvm", "wasmer.singlepass"]
    assert names(load(variants="O[3]").variants) == ["O3"]


def test_flags_add_a_variant_that_is_named_after_them(load):
    plan = load(flags="-O3 -msimd128")
    assert names(plan.variants) == ["O2", "O3", "O3-msimd128"]
    assert plan.variants[-1].flags == ("-O3", "-msimd128")


def test_flags_and_a_filter_together_give_both(load):
    assert names(load(variants="O2", flags="-O3 -msimd128;-Ofast").variants) == [
        "O2",
        "O3-msimd128",
        "Ofast",
    ]


def test_flags_that_a_variant_has_are_that_variant(load):
    assert names(load(variants="O2", flags="-O3").variants) == ["O2", "O3"]


def test_names_of_flags_are_names_of_files(load):
    for flags in ("-O3 '-DX=a b/../c'", "-D" + "x" * 200, "-O2 -O2", "'-O2 -O2'", "--", "-/"):
        plan = load(flags=flags)
        name = plan.variants[-1].name
        assert toml_file.NAME.fullmatch(name), name
    one, other = load(flags="-O2 -O2").variants[-1], load(flags="-O2-O2;-O2 -O2").variants[-1]
    assert one.flags == other.flags
    assert len({v.name for v in load(flags="-O2-O2;-O2 -O2").variants}) == 4


def test_the_schedule_visits_every_cell_once_a_round(load):
    plan = load(rounds="5")
    schedule = [(r, c.name) for r, c in plan.schedule()]
    assert [r for r, _ in schedule] == sorted(r for r, _ in schedule)
    assert Counter(schedule).most_common(1)[0][1] == 1
    assert len(schedule) == 5 * 4
    orders = [tuple(n for _, n in g) for _, g in itertools.groupby(schedule, lambda x: x[0])]
    assert len(set(orders)) > 1, "every round has the same order"
    assert schedule == [(r, c.name) for r, c in plan.schedule()]
    # More rounds keep the order of the first ones.
    assert schedule == [(r, c.name) for r, c in load(rounds="9").schedule()][: len(schedule)]


def test_who_asks_for_a_number_of_rounds_gets_that_number(load):
    def ends(**variables):
        protocol = matrix.load(variables).protocol
        return protocol.rounds, protocol.half_width_percent, protocol.most_rounds, protocol.budget_s

    assert ends() == (6, 1.0, 8, None)
    assert ends(protocol="quick") == (3, None, None, None)
    assert ends(rounds="5") == ends(protocol="precise", rounds="5") == (5, None, None, None)
    assert ends(half_width="0.3") == (6, 0.3, None, None)
    assert ends(rounds="5", half_width="0.3") == (5, 0.3, None, None)
    assert ends(budget="9") == (6, 1.0, None, 9.0)


def test_what_the_report_says_of_precise_numbers_is_what_the_protocol_does():
    precise = matrix.load({"protocol": "precise"}).protocol
    assert precise.half_width_percent == time_to_precision.HALF_WIDTH * 100
    assert precise.budget_s == time_to_precision.BUDGET_S


def test_fewer_rounds_at_most_than_at_least_are_refused(load):
    with pytest.raises(BadInput, match=r"most_rounds 2 is less than rounds 3; expected at least as many"):
        load(GOOD.replace("rounds = ", "most_rounds = 2\nrounds = 3 #"))


@pytest.mark.parametrize(
    ("entry", "complaint"),
    [
        ('[runtimes.wasmtime]\nargv=["x", "{artifact}", "{args}"]', "this name is taken"),
        ('[runtimes."wasmtime.winch"]\nargv=["x", "{artifact}", "{args}"]', "this name is taken"),
        ('[runtimes."../x"]\nargv=["x", "{artifact}", "{args}"]', "expected a name"),
        ('[runtimes.x]\nargv="x"', "expected a list of strings"),
        ('[runtimes.x]\nargv=["x", "{artifact}"]', "expected {args} once, after the program"),
        ('[runtimes.x]\nargv=["x", "{artifact}", "a{args}"]', "a word of its own"),
        ('[runtimes.x]\nargv=["x", "{artifact}", "{args}"]\nkind="fast"', "unknown kind 'fast'; known: AOT"),
        ('[runtimes.x]\nargs=["x"]', "unknown key 'args'; did you mean 'argv'"),
    ],
)
def test_a_mistake_in_a_runtime_of_ones_own_is_reported(load, entry, complaint):
    with pytest.raises(BadInput) as caught:
        load(GOOD + entry + "\n")
    assert complaint in str(caught.value)


@pytest.mark.parametrize(
    ("entry", "version"), [("version=[]", ()), ('version=["-V"]', ("-V",)), ("own_lines=[]", None)]
)
def test_how_a_runtime_of_ones_own_is_asked_for_its_version(load, entry, version):
    runtime = f'[runtimes.x]\nargv=["sh", "{{artifact}}", "{{args}}"]\n{entry}\n'
    (backend,) = load(GOOD + runtime, backends="x").backends
    assert [program.version for program in backend.runtime.programs] == [version]


def test_a_script_of_a_runtime_of_ones_own_identifies_it(load, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("workloads", "third_party"):
        (tmp_path / name).symlink_to(paths.ROOT / name)
    (tmp_path / "run.py").write_text("")
    plan = load(GOOD + '[runtimes.x]\nargv=["python3", "run.py", "{artifact}", "{args}"]\n', backends="x")
    (backend,) = plan.backends
    assert backend.options["argv"][1] == str(tmp_path / "run.py")
    assert identity.program_files(backend.runtime)[-1] == str(tmp_path / "run.py")
