"""Alpaca's Trading API v2 over the simulated exchange: `python -m simulator.alpaca --port 5040`.

Orders, brackets, OCO, replacement under a new id, positions, fills, assets, quotes and the stream of trade
updates, with Alpaca's shapes, error codes and its 200 calls a minute. Long client order ids, and what a
replaced order said, are in memory: a restart of the simulator forgets them.
"""
