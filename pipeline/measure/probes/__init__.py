"""Small programs under a backend, to learn what it lacks, and what it prints and how it ends by itself.

What such a program is belongs to pipeline.wasm; what a failed round says because of it, here.
"""
