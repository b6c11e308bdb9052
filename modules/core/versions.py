"""Versions that are pinned outside uv.lock and go.mod files. Each comment is for the bot that raises it."""

# renovate: datasource=deb depName=debian-release
DEBIAN = "bookworm"
# renovate: datasource=deb depName=postgresql
POSTGRESQL = "15"
# renovate: datasource=deb depName=haproxy
HAPROXY = "2.6"
"""Of Debian's release, which the gateway's configuration is written for."""
