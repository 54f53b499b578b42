"""Messages to customers: what is said when, a durable queue, and delivery with retries."""
