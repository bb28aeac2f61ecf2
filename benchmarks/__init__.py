"""Measurements whose figures stand in the README; none is a test."""
