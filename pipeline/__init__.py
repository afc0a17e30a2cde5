"""From programs to a report.

A package a step; `ls` shows them, docs/architecture.md says who imports whom.
"""
