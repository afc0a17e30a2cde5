"""Measuring one cell: a round of paired chunks, its sample, and when there are enough rounds.

Whether a kept sample still counts: sample_key makes its key, sample.read_current compares it. What the
samples mean is in results.
"""
