"""Who asks: the name under which a server is asked (DNS rebinding), and the site whose page makes a browser ask."""

import re
from collections.abc import Collection

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException

from kosbert.errors import one_line

OWN_SITES = ("same-origin", "none")  # none: typed by the user, or opened from a bookmark
HOST = re.compile(r"(.+?)(?::[0-9]*)?")
SHOWN = 80  # characters of a header that a message repeats


def check_host(headers: Headers, hosts: Collection[str]) -> None:
    """Check that a request names the server by one of its own names; the port does not matter, for it may be forwarded.

    Args:
        headers: the headers of the request.
        hosts: the server's names.

    Raises:
        HTTPException: it names another server, none, or two (400).
    """
    found = headers.getlist("host")
    name = HOST.fullmatch(found[0]) if len(found) == 1 else None
    if name is None or name[1].lower() not in {host.lower() for host in hosts}:
        shown = one_line(", ".join(found), SHOWN) or "nothing"
        raise HTTPException(400, f"Host: expected {' or '.join(dict.fromkeys(hosts))}, found {shown}")


def check_site(method: str, headers: Headers) -> None:
    """Check that no page of another site makes the browser ask; links to pages of this server are let pass.

    Browsers say so in Sec-Fetch-Site. Older ones, and those that reach this server over plain HTTP from another
    machine, send the Origin alone; programs send neither.

    Args:
        method: the method of the request.
        headers: its headers.

    Raises:
        HTTPException: a page of another site asks (403).
    """
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is None:
        allowed = origin is None or origin.partition("://")[2] == headers.get("host")
    else:
        allowed = site in OWN_SITES or _is_link(method, headers)
    if not allowed:
        raise HTTPException(403, "Requests from other sites are refused")


def _is_link(method: str, headers: Headers) -> bool:
    """Return whether a request opens a page in a window of its own, and not in a frame of the other site."""
    wanted = (headers.get("sec-fetch-mode"), headers.get("sec-fetch-dest"))
    return method in ("GET", "HEAD") and wanted == ("navigate", "document")
