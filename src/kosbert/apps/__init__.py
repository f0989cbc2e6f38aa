"""What embeddings are for: search, clustering, bulk encoding, export, and a demo of them."""
