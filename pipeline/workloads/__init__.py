"""Programs to measure: workload.toml, their sources, and what proves that a run was right.

How they are compiled is in build.
"""
