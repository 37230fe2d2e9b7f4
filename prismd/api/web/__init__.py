"""The web page: static files of the package, and the routes that serve them."""
