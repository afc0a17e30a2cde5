"""Published claims: read from claims.toml and compared with what was measured here. It measures nothing."""
