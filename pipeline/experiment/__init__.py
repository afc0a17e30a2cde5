"""What is to be built and measured: matrix.toml and the command line, read and checked into a plan.

NAME_table reads the table [NAME]. Nothing here builds or measures.
"""
