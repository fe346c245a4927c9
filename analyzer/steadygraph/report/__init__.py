"""Reports: the document, its JSON form, and one renderer per format.  Nothing here imports torch."""
