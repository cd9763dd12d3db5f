"""`python -m micrometric_cli` is `micrometric`."""

from micrometric_cli.app import main

main()
