"""Mail: by SMTP, or shown to whoever runs the server."""
