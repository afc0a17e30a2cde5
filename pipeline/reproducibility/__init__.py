"""The same inputs, the same bytes: the lock, provenance, verification, rebuilding under variations, the
bundle. Nothing here measures.
"""
