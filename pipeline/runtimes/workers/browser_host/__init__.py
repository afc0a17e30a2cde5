"""Parts of the worker of browsers: its process and settings, and the server that its page asks."""
