"""What a platform may cost a month, and who hears of it."""
