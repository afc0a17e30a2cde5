"""What happens to an artifact: from matrix.toml to a judged table."""
