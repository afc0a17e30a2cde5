"""From sources to artifacts: compiling, checking flags, libraries, linking, prebuilt modules.

A compiler is added in toolchain/. Which artifacts are wanted is in experiment.
"""
