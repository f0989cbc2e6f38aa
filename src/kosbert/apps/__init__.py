"""What embeddings are for: search, clustering, bulk encoding, Ray, MTEB, a server and a demo."""
