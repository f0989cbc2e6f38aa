"""KorNLU's files, and the tables that the pipeline makes of them."""
