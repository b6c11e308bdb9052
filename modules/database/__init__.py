"""PostgreSQL, with a database and a role for each consumer that asked for one."""
