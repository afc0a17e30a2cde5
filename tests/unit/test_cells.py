"""Views of results: orders of cells."""

from pipeline.results.cells import orders
from tests import factories
from tests.factories import cell, comparison, measurement


def test_an_order_has_the_verdicts_between_neighbours_and_disturbed_cells_at_its_end():
    fast, slow = cell("w/zig/O3/a", 0.9), cell("w/zig/O3/b", 0.8)
    twin, unsure = cell("w/zig/O3/c", 0.799), cell("w/zig/O3/d", measured=factories.disturbed(0.95))
    verdicts = [
        comparison(fast, "faster", slow),
        comparison(fast, "faster", twin),
        comparison(slow, "same within", twin),
        *(comparison(one, "undecided", unsure) for one in (fast, slow, twin)),
    ]
    found = factories.results([unsure, twin, slow, fast], verdicts)
    assert orders(found) == [("zig, O3", "a > b = c, d ?")]


def test_two_cells_of_which_one_was_disturbed_have_no_order():
    pair = [cell("w/zig/O3/a", measured=measurement(0.9)), cell("w/zig/O3/b", measured=factories.disturbed())]
    assert orders(factories.results(pair, [comparison(*pair[:1], "undecided", pair[1])])) == []
