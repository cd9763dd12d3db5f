"""Fuzzing: every way of reading against bytes that nobody meant; `python -m tests.fuzz --help`."""
