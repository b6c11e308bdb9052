"""Who the service accounts of the platform are in a cloud, and what each of them may do there."""
