"""The same inputs, the same bytes: lock, provenance, verify, reproduce, bundle.

Nothing here measures.
"""
