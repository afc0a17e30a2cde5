"""From samples to results: the status and numbers of each cell, comparisons, warnings.

How they are shown is in report.
"""
