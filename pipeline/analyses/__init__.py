"""Questions to results and artifacts, a command each.

Tune, claims, history, sweep, explain, self-test, doctor.
"""
