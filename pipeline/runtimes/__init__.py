"""What runs artifacts: backends, the worker processes that hold runtimes, their packages and environments.

What is measured with them is in measure.
"""
