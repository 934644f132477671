"""Entry point of `python -m plurijudge`."""

from plurijudge.main import main

main()
