"""What logging an event costs, beside other ways to log it: `python -m benchmarks`."""
