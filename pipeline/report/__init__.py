"""Results as text, page and files of other programs. Nothing here computes a number."""
