"""Jenkins, configured as code, and its two pipelines."""
