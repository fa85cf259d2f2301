"""Images, videos and pictures of kept demonstrations, rendered from their recorded states."""
