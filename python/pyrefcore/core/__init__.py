"""Counts references: attaches, checks, and makes findings."""
