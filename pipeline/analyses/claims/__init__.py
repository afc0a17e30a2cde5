"""Published claims, and what was measured here beside them."""
