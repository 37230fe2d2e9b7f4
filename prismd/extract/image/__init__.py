"""Pictures: upright, as pixels, as text and by what they say of themselves."""
