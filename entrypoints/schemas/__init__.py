"""JSON that comes in, whichever way: read strictly, and turned into what the application takes."""
