"""SQL text to syntax trees."""
