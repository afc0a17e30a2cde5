"""EEMBC CoreMark's own rules: its output, official runs, and published modules of it.

Loaded by the name in workload.toml, never imported.
"""
