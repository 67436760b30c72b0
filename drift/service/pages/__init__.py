"""What the web page shows: store → views, one module per screen. Every query is bounded and every list paged."""
