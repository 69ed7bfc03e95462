"""``python -m lapel`` is ``lapel``."""

from lapel.cli.main import main

main()
