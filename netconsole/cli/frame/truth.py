"""Yes and no as nova's commands take them."""

import click


class TrueOrFalse(click.ParamType[bool]):
    """T or F, or one of nova's other words for yes and no."""

    name = "T|F"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> bool:
        if isinstance(value, bool):
            return value
        match str(value).lower():
            case "t" | "true" | "yes" | "y" | "on" | "1":
                return True
            case "f" | "false" | "no" | "n" | "off" | "0":
                return False
            case _:
                return self.fail(f"{str(value)[:80]!r} is neither T nor F.", param, ctx)


T_OR_F = TrueOrFalse()
