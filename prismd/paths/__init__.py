"""Files and folders by their paths: opened without following links, named, spelled as they are."""
