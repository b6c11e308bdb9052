"""What is laid into a cluster before anything runs in it."""
