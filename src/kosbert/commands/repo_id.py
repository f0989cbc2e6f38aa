"""The name of a model on a model hub, as an option of commands."""

# ruff: noqa: PLC0415 - see `kosbert.command`

import click

from kosbert.errors import KosbertError


def check_repo_id(_: click.Context, option: click.Parameter, name: str | None) -> str | None:
    """Check that a hub takes a name; it is the callback of an option.

    Raises:
        KosbertError: it is no name `OWNER/NAME`.
    """
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]  # it is not in the module's __all__

    if name is None:
        return None
    try:
        validate_repo_id(name)
    except HFValidationError as error:
        raise KosbertError(f"{option.opts[0]} {name}: expected OWNER/NAME, as on a model hub: {error}") from None
    if "/" not in name:
        raise KosbertError(f"{option.opts[0]} {name}: expected OWNER/NAME, as on a model hub; found no owner")
    return name
