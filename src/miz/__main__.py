"""`python -m miz`."""

from miz.apps.cli import main

main()
