"""The platform's images: what each is made of, how they are built, and what the registry holds."""
