"""The command line tool `micrometric`: commands ask the library, renderers draw what it says."""
