"""What every stage shares: it reads what was written, and what it depends on stays as it is while it runs."""
