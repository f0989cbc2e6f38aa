"""Search the lines of a file (or the column `sentence` of a table) for queries from the keyboard; a blank line ends it.

python examples/search_file.py FILE [MODEL]
"""

import sys
from pathlib import Path

import kosbert
from kosbert.apps.search import SentenceIndex
from kosbert.readers.texts import read_filled

sentences = read_filled(Path(sys.argv[1]))
with kosbert.load(sys.argv[2] if len(sys.argv) > 2 else "models/nli_sts") as encoder:
    index = SentenceIndex.from_sentences(sentences, encoder)
    print(f"{len(index):,} sentences. Query:")
    while query := sys.stdin.readline().strip():
        for hit in index.search([query], top=3)[0]:
            print(f"  {hit.score:.3f}\t{hit.row + 1}\t{hit.text}")
