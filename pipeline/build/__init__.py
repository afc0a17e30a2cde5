"""From sources to artifacts: compilers, flags, libraries, linking, and modules that were built before.

Which artifacts are wanted is in experiment.
"""
