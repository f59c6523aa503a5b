"""`python -m artfp`: the command line."""

from artfp.cli.main import main

main()
