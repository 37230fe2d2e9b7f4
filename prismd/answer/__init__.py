"""From hits to an answer: evidence, generated or quoted text, and the citations that hold it up."""
