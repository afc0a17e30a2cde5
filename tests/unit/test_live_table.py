"""The live view shows each cell as far as it is measured, in the order of the matrix."""

import io
import re

from rich.console import Console

from pipeline.measure import sample
from pipeline.tasks.terminal.live_table import Board, render
from tests.unit.test_sample import written

ORDER = [f"coremark/zig/{level}/{b}" for b in ("native", "wasmtime.cranelift") for level in ("O2", "O3")]
NAMES = [f"measure:{each.replace('/', ':')}:{i}" for i in (1, 2) for each in reversed(ORDER)]


def shown(board, height=30, now=NAMES[0]):
    console = Console(file=io.StringIO(), width=100, color_system=None)
    console.print(render(3, 9, "about 2 min", "measure coremark zig O2 native 1", board, height, now))
    return console.file.getvalue()


def test_the_table_fills_up(tmp_path):
    board = Board(["build", "sources:obtain", *NAMES], ORDER)
    text = shown(board)
    assert "0/4 cells" in text
    assert "coremark zig native" not in text
    assert text.index("zig native") < text.index("zig wasmtime.cranelift")
    assert text.index(" O2") < text.index(" O3")
    assert text.count("·") == 4
    path = written(tmp_path, scores=[1.5, 1.5], reference_scores=[4.0, 4.0], cpu_shares=[1.0, 1.0])
    for number in (1, 2):
        assert f"{number - 1}/4 cells" in shown(board) or number == 2
        board.done(f"measure:coremark:zig:O2:native:{number}", [str(path)])
        assert "0.375 " in shown(board)
    assert "1/4 cells" in shown(board)


def test_a_further_round_narrows_what_is_shown(tmp_path):
    board = Board(NAMES, ORDER)
    widths = []
    for number in range(1, 6):
        noise = (1.0, 1.01)[number % 2]
        path = written(
            tmp_path,
            scores=[noise, noise * 1.002] * 3,
            reference_scores=[4.0, 4.0] * 3,
            cpu_shares=[1.0] * 6,
            reference_cpu_shares=[1.0] * 6,
            processors=[0] * 6,
        )
        board.done(f"measure:coremark:zig:O2:native:{number}", [str(path)])
        found = re.search(r"0\.25\d ±(\d+\.\d)%", shown(board))
        widths += [float(found[1])] if found else []
    assert len(widths) == 4
    assert widths[-1] < widths[0]


def test_what_went_wrong_is_shown_and_is_no_longer_open(tmp_path):
    one = sample.read(written(tmp_path, status="trap", reason="unreachable", scores=[], reference_scores=[],
                              cpu_shares=[], reference_cpu_shares=[], processors=[]))  # fmt: skip
    sample.write(tmp_path / "trap.json", one)
    board = Board(NAMES, ORDER)
    board.done("measure:coremark:zig:O3:wasmtime.cranelift:1", [str(tmp_path / "trap.json")])
    board.done("measure:coremark:zig:O3:native:1", [str(tmp_path / "missing.json")])
    assert "trap" in shown(board)
    assert "1/4 cells" in shown(board)


def test_a_low_terminal_shows_the_rows_around_what_is_measured():
    order = [f"coremark/zig/O2/b{number:02d}" for number in range(40)]
    names = [f"measure:{each.replace('/', ':')}:1" for each in order]
    text = shown(Board(names, order), height=12, now=names[35])
    assert "zig b35" in text
    assert "zig b00" not in text
    assert len(text.splitlines()) <= 12


def test_of_several_workloads_each_row_names_its_own():
    order = [f"{workload}/zig/O2/native" for workload in ("coremark", "json")]
    names = [f"measure:{each.replace('/', ':')}:1" for each in order]
    text = shown(Board(names, order), now=names[0])
    assert "0/2 cells" in text
    assert text.index("coremark zig native") < text.index("json zig native")


def test_a_run_that_measures_nothing_has_no_table():
    assert "ratio" not in shown(Board(["build"], []))
