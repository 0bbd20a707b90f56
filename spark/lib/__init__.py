"""What the two jobs are made of: small modules without state, most of them usable without Spark."""
