"""PDF: the text layer, and by OCR the pages that are pictures."""
