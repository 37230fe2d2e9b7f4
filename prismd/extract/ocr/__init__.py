"""The text in pictures, by Tesseract; one way in: ``ocr.reader``."""
