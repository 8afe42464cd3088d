"""Upstox's API, simulated: its words for what simulator/exchange.py does. See docs/brokers/upstox.md."""
