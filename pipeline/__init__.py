"""From programs to a report.

A package a step, as `ls` shows; docs/architecture.md describes the allowed imports.
"""
