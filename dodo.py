"""CoreMark, compiled to WebAssembly at several levels and run under several backends.

The pipeline's table of contents, in the order in which things happen. What to build and measure is
in matrix.toml; one-off choices are made as in: doit run variants='O2,O3' backends='wasmtime.*'
"""

from pipeline import graph
from pipeline.reporter import ProgressReporter

DOIT_CONFIG = {
    "reporter": ProgressReporter,
    "default_tasks": [
        "sources",
        "toolchain",
        "libc",
        "build",
        "runtime",
        "measure",
        "report",
        "check",
    ],
}

PLAN = graph.plan()


def task_flags():
    yield from graph.flags(PLAN)


def task_sources():
    yield from graph.obtain_sources(PLAN)


def task_toolchain():
    yield from graph.identify_toolchains(PLAN)


def task_libc():
    yield from graph.build_libc(PLAN)


def task_compile():
    yield from graph.compile_objects(PLAN)


def task_link():
    yield from graph.link_artifacts(PLAN)


def task_build():
    """build every artifact of the matrix and the native reference"""
    return graph.build_all()


def task_environment():
    yield from graph.provision_environments(PLAN)


def task_runtime():
    yield from graph.identify_runtimes(PLAN)


def task_measure():
    yield from graph.measure_cells(PLAN)


def task_report():
    """judge the samples; write report.md and results.json"""
    return graph.write_report(PLAN)


def task_check():
    """fail if a cell went wrong, naming it"""
    return graph.check_report(PLAN)
