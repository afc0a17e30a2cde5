"""CoreMark and other programs, compiled to WebAssembly at several levels and run under several backends.

The pipeline's table of contents, in the order in which things happen. What to build and measure is
in matrix.toml; one-off choices are made as in: doit run variants='O2,O3' backends='wasmtime.*'
"""

from doit import create_after

from pipeline.tasks.invocation import current_plan
from pipeline.tasks.progress import ProgressReporter

# First: it ends the process where there is nothing to do, which needs no tasks.
PLAN = current_plan()

from pipeline.tasks import artifacts, build, commands, measure, report  # noqa: E402
from pipeline.tasks.file_checker import Checker  # noqa: E402

#: What is made of a report. None of it stops a run: check tells at the end what went wrong.
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
    yield from build.ask_about_flags(PLAN)


def task_sources():
    yield from build.obtain_sources(PLAN)


def task_toolchain():
    yield from build.identify_toolchains(PLAN)


def task_libc():
    yield from build.build_libraries(PLAN)


def task_compile():
    yield from artifacts.compile_objects(PLAN)


def task_link():
    yield from artifacts.link_artifacts(PLAN)


def task_prebuilt():
    yield from artifacts.take_in_artifacts(PLAN)


def task_provenance():
    yield from artifacts.prove_artifacts(PLAN)


def task_build():
    """build every artifact of the matrix and the native reference"""
    return artifacts.build_all()


def task_environment():
    yield from measure.provision_environments(PLAN)


def task_runtime():
    yield from measure.identify_runtimes(PLAN)


def task_measure():
    yield from measure.measure_cells(PLAN)


def task_refine():
    yield from measure.refine_cells(PLAN)


def task_report():
    """judge the samples; write report.md and results.json"""
    return report.write_report(PLAN)


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
    """judge published claims by what was measured here"""
    return report.judge_claims()


def task_history():
    """show what changed from run to run, when, and with which version"""
    return report.show_history()


def task_compare():
    """compare two runs: doit run compare old=previous new=last threshold=2"""
    return report.compare_results(PLAN)


def task_doctor():
    """say which toolchains and backends are here, where from, and how to get the others"""
    return commands.examine(PLAN)


def task_selftest():
    """measure every backend against itself: the noise floor of this machine, now"""
    return commands.test_machine(PLAN)


def task_new():
    """make a workload of a program of your own: doit run new workload=NAME from=FILE.c"""
    return commands.make_workload(PLAN)


def task_lock():
    """write artifacts.lock: what every artifact of the matrix must be, and of what"""
    return commands.lock_artifacts(PLAN)


def task_verify():
    """rebuild every artifact, compare with artifacts.lock, and name what differs"""
    return commands.verify_artifacts(PLAN)


def task_reproduce():
    """build under deliberate variation (paths, users, clocks, …) and name what changes a byte"""
    return commands.reproduce_artifacts(PLAN)


def task_bundle():
    """pack all artifacts, their provenance and the lock into one archive for strangers"""
    return commands.bundle_artifacts(PLAN)


def task_explain():
    """say what flags do to the modules: doit run explain variants='O2,O3'"""
    return commands.explain_artifacts(PLAN)


def task_tradeoffs():
    """show what speed costs in bytes and in compile time, and after how many iterations it pays back"""
    return commands.show_tradeoffs(PLAN)


def task_sweep():
    """measure one backend in many releases: doit run sweep runtime=wasmtime"""
    return commands.sweep_versions(PLAN)


def task_tune():
    """search the flags with the highest score: doit run tune backend=wasmtime.cranelift budget=300"""
    return commands.tune_flags(PLAN)


@create_after()
def task_certify():
    yield from commands.certify_cells(PLAN)
