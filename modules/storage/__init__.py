"""Buckets by role, and the S3 API that serves them."""
