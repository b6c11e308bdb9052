"""What no preview may propose: one policy a file, each a pure function over what a resource is to be."""
