"""Engines that are built from source here: a folder each, with a manifest, a lock and a host of ours."""
