"""The rules a bracket order must keep, by subject. Each yields every fault it finds."""
