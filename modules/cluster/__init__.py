"""What is deployed into a cluster before anything runs in it."""
