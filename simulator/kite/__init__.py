"""Kite Connect's wire protocol over the simulated exchange: `python -m simulator.kite --port 5010`.

A client that has its base address changed finds orders, GTTs, books, portfolio, funds, quotes, instruments
and the login's token exchange, with Kite's shapes, error bodies, status codes and rate limits. Below /sim
is what a test needs and no broker has: prices, other terminals, dead tokens. See docs/kite-simulator.md.

Not here: sockets, postbacks, AMO and other varieties, a GTT whose legs differ in quantity.
"""
