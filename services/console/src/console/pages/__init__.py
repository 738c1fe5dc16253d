"""The web pages: rendered here, readable without JavaScript, kept fresh by it."""
