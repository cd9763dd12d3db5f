"""Query engines: each loads segments into the same columns, and nothing else.

What is computed from the columns is written once, in `micrometric.summary`.
"""
