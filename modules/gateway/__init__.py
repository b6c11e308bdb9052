"""The one entry point for people and clients: TLS, host names, logins, weighted routes, and a page that shows it all."""
