"""The shared cache of GROUNDWORK_CACHE: where it is, who may fill it, and how what comes from it is verified."""
