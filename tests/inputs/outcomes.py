"""What is to come of each kind of file, by command."""

from inputs.kinds import LINE, RIGHT, Kind

NONE = ""
# Options such as --encoding are the command line's; and the demo takes no compressed file, and no very long sentence.
UPLOAD_REFUSED = {
    "the same, named with --encoding",
    "the same with --no-header",
    "table, .csv.gz",
    "table, .tsv.zst",
    "a cell of 200,000 letters",
}


def outcome(kind: Kind, command: str) -> str:
    """Return `right`, `told` or `line`; empty where there is no such file."""
    if command == "evaluate":
        return NONE if kind.pairs is None else kind.pairs_expected or kind.expected
    if kind.texts is None:
        return NONE
    # It keeps row beside row, and gives blank texts the embedding of no text.
    return RIGHT if command == "encode" and kind.name == "letters that show nothing" else kind.expected


def upload_outcome(kind: Kind) -> str:
    """Return what comes of an upload to the demo, which shows no lines about what it has found."""
    if kind.texts is None or kind.device:
        return NONE
    return LINE if kind.expected == LINE or kind.name in UPLOAD_REFUSED else RIGHT
