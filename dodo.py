"""CoreMark and other programs, compiled to WebAssembly at several levels and run under several backends.

The pipeline's table of contents, in the order in which things happen. What to build and measure is
in matrix.toml; one-off choices are made as in: doit run variants='O2,O3' backends='wasmtime.*'
"""

from doit import create_after

from pipeline.tasks import artifacts, build, measure, report
from pipeline.tasks.commands import (
    ab,
    bundle,
    certify,
    claims,
    compare,
    doctor,
    explain,
    history,
    lock,
    new,
    reproduce,
    selftest,
    sweep,
    tradeoffs,
    tune,
    verify,
)
from pipeline.tasks.doit_plugins import require_project_folder
from pipeline.tasks.file_checker import Checker
from pipeline.tasks.invocation import plan
from pipeline.tasks.terminal.progress import ProgressReporter

require_project_folder()

#: What is made of a report. None of it stops a run: check reports at the end what went wrong.
AFTER_REPORT = ["page", "export", "remember"]

DOIT_CONFIG = {
    "check_file_uptodate": Checker,
    "reporter": ProgressReporter,
    "default_tasks": [
        "sources",
        "toolchain",
        "libc",
        "build",
        "runtime",
        "measure",
        "refine",
        "report",
        *AFTER_REPORT,
        "check",
    ],
}


def task_flags():
    yield from build.ask_about_flags(plan())


def task_sources():
    yield from build.obtain_sources(plan())


def task_toolchain():
    yield from build.identify_toolchains(plan())


def task_libc():
    yield from build.build_libraries(plan())


def task_compile():
    yield from artifacts.compile_objects(plan())


def task_link():
    yield from artifacts.link_artifacts(plan())


def task_prebuilt():
    yield from artifacts.take_in_artifacts(plan())


def task_provenance():
    yield from artifacts.prove_artifacts(plan())


def task_build():
    """build every artifact of the matrix and the native reference"""
    return artifacts.build_all()


def task_environment():
    yield from measure.provision_environments(plan())


def task_engine():
    yield from measure.build_engines(plan())


def task_runtime():
    yield from measure.identify_runtimes(plan())


def task_options():
    yield from measure.ask_engines(plan())


def task_measure():
    yield from measure.measure_cells(plan())


def task_refine():
    yield from measure.refine_cells(plan())


def task_report():
    """evaluate the samples; write report.md and results.json"""
    return report.write_report(plan())


def task_page():
    """draw index.html and its charts"""
    return report.draw_page()


def task_export():
    """write the results as CSV, Markdown, pyperf's JSON and a chart action's"""
    return report.export_results()


def task_remember():
    """put the finished run into the history"""
    return report.remember_run()


def task_check():
    """fail if a cell went wrong, naming it"""
    return report.check_report(AFTER_REPORT)


def task_claims():
    """compare published claims with what was measured here"""
    return claims.task()


def task_history():
    """show what changed from run to run, when, and with which version"""
    return history.task()


def task_compare():
    """compare two runs: doit run compare old=previous new=last threshold=2"""
    return compare.task(plan())


def task_ab():
    """say which of two backends is faster: doit run ab old=v8.liftoff new=wasmtime.winch"""
    return ab.task(plan())


def task_doctor():
    """list toolchains and backends: where each is, or how to install it"""
    return doctor.task(plan())


def task_selftest():
    """measure every backend against itself: the noise floor of this machine, now"""
    return selftest.task(plan())


def task_new():
    """make a workload of a program of your own: doit run new workload=NAME from=FILE.c"""
    return new.task(plan())


def task_lock():
    """write artifacts.lock: what every artifact of the matrix must be, and of what"""
    return lock.task(plan())


def task_verify():
    """rebuild every artifact, compare with artifacts.lock, and name what differs"""
    return verify.task(plan())


def task_reproduce():
    """build under deliberate variation (paths, users, clocks, …) and name what changes a byte"""
    return reproduce.task(plan())


def task_bundle():
    """pack all artifacts, their provenance and the lock into one archive for publication"""
    return bundle.task(plan())


def task_explain():
    """say what flags do to the modules: doit run explain variants='O2,O3'"""
    return explain.task(plan())


def task_tradeoffs():
    """show what speed costs in bytes and in compile time, and after how many iterations it pays back"""
    return tradeoffs.task()


def task_sweep():
    """measure one backend in many releases: doit run sweep runtime=wasmtime"""
    return sweep.task(plan())


def task_tune():
    """search the flags with the highest score: doit run tune backend=wasmtime.cranelift budget=300"""
    return tune.task(plan())


@create_after()
def task_certify():
    yield from certify.task(plan())
