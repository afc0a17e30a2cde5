"""How many iterations a run has: found once for a program, and the same work for a cell and its reference."""
