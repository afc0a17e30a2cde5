"""Two builds of one engine, or any two backends: which is faster, by chunks of both in turn."""
