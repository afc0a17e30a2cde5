"""Measuring one cell: a round of paired chunks, its sample, and when there are enough rounds.

What the samples say is in results.
"""
