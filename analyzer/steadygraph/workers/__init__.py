"""Cases in processes of their own: what one of them does to its process, no other sees."""
