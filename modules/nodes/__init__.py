"""Node pools: declared once in settings, and what every environment makes of them."""
