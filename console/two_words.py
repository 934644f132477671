"""Which command do two words mean? `audit review` is a command beside `audit`, whose first word is a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typer.core import TyperGroup

if TYPE_CHECKING:
    from typer import _click


class TwoWords(TyperGroup):
    """Commands whose name may be two words: the longer name is tried first, else the second word is an argument."""

    def resolve_command(
        self, ctx: _click.Context, args: list[str]
    ) -> tuple[str | None, _click.Command | None, list[str]]:
        """The command that the words begin with, and what is left of them."""
        both = " ".join(args[:2])
        given = [both, *args[2:]] if len(args) > 1 and both in self.commands else args
        return super().resolve_command(ctx, given)
