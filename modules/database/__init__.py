"""PostgreSQL, with a database and a role for each tenant that asked for one."""
