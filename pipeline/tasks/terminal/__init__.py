"""What a run prints: its progress in a log or as a live view, its table, and the messages of its end."""
