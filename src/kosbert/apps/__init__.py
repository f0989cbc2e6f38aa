"""What embeddings are for: search, clustering, bulk encoding, Ray, MTEB, and a demo."""
