"""Images: what their pixels mean, from where they are seen, and what draws them."""
