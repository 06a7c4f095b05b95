"""API Gateway: APIs that answer over HTTP, who may call them, and what stands behind them."""
