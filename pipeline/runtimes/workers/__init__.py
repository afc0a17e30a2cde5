"""Scripts that run in a process of their own, often under a different interpreter: one for each runtime.

They import the standard library, their runtime and each other; nothing of the project imports them.
"""
