"""The task graph: all that is shaped by doit. What the tasks do is in the other packages."""
