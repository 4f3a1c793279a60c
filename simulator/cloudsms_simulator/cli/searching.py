"""A search as arguments of a command: in one word or several, also with a dash in front."""

import click

search_argument = click.argument("search", nargs=-1)
"""The search, of which every word is an argument or all are one."""


class Searching(click.Command):
    """A command with a search, whose terms may begin with a dash, as in `ls -to:86*`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Puts such terms where no option is looked for."""
        valued = {opt for param in self.params if not getattr(param, "is_flag", False) for opt in param.opts}
        options: list[str] = []
        terms: list[str] = []
        rest = iter(args)
        for each in rest:
            if each == "--":
                terms += rest
            elif len(each) > 2 and each[0] == "-" and each[1] != "-":
                terms.append(each)
            else:
                options.append(each)
                if each.startswith("--") and each in valued:
                    value = next(rest, None)
                    if value is None:  # which click complains of
                        return super().parse_args(ctx, options)
                    options.append(value)
        return super().parse_args(ctx, [*options, "--", *terms])
