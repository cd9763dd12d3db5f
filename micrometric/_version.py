"""The version, alone in a file so that the build backend and the command line read it cheaply."""

__version__ = "0.1.0"
