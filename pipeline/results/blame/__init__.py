"""Who is wrong, of cells that ran one module and did not end as the native build did.

Only comparisons of cells with each other: what a single round shows is in ``pipeline/measure``.
"""
