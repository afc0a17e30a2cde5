"""Questions to results and artifacts, a command each: tune, claims, history, sweep, explain, self-test,
doctor.
"""
