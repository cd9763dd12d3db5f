"""One module for each command: parse, ask the library, hand to a renderer, print."""
