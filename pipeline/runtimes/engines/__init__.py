"""Engines that are built from source on this machine: a folder each, with a manifest, a lock and a host of ours."""
