"""The one entry point: TLS, host names, logins, weighted routes, and a page that shows what is there."""
