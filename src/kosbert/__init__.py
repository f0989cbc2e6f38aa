"""Train and benchmark Korean Sentence-BERT."""
