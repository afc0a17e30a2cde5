"""uv's messages: the root of its chain of causes is what a reader needs first."""

import pytest

from pipeline.runtimes.uv import cause_first

OFFLINE = """error: Request failed after 3 retries in 3.8s
  cause: Failed to fetch: https://index.invalid/simple/wasmtime/
  cause: error sending request for url (https://index.invalid/simple/wasmtime/)
  cause: client error (Connect)
  cause: dns error
  cause: failed to lookup address information: Name or service not known
"""
FOLDED = """  × No solution found when resolving dependencies:
  ╰─▶ Because there is no version of
      wasmtime==999 and you require wasmtime==999, we can conclude
      that your requirements are unsatisfiable.
"""


@pytest.mark.parametrize(
    ("printed", "text"),
    [
        (
            OFFLINE,
            "failed to lookup address information: Name or service not known "
            "(Failed to fetch: https://index.invalid/simple/wasmtime/)",
        ),
        (OFFLINE.replace("cause:", "Caused by:").replace("Failed to fetch", "Failed to get"), None),
        (
            FOLDED,
            "Because there is no version of wasmtime==999 and you require wasmtime==999, we can conclude "
            "that your requirements are unsatisfiable. (No solution found when resolving dependencies:)",
        ),
        ("error: no space left\n", "no space left"),
        ("", "no message"),
    ],
)
def test_the_cause_comes_first(printed, text):
    found = cause_first(printed)
    if text is None:
        assert found.startswith("failed to lookup address information")
    else:
        assert found == text
