"""report/index.html and its charts."""
