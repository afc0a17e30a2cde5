"""Statistics of measurements, pure functions of numbers.

Nothing here reads a file or knows what was measured.
"""
