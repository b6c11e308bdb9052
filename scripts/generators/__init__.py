"""What makes committed tables again from their sources: one program a table."""
