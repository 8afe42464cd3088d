"""Fyers' API v3, simulated: its words for what simulator/exchange.py does. See docs/brokers/fyers.md."""
