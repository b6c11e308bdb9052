"""`python -I -m scripts.cli` is the `groundwork` command, whatever a person's variables say to Python."""

from scripts.cli.main import main

main()
