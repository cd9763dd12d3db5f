"""The kinds of pictures: each a function from a `Draft` to a `Picture`."""
