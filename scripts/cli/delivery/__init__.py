"""Models on their way to those who ask them: trained, released, tried beside what serves, rolled back."""
