"""Where bytes come from: Unix socket, TCP, stdio. Bytes only: what they mean is for the dialects and the session."""
