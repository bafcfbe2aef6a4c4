"""Measures the sidecar against references, side by side in one run: see README.md beside this file."""
