"""The files of datasets, and the tables that the pipeline makes of them."""
