"""Embeddings over HTTP as OpenAI's API has them, and what every server of ours shares."""
