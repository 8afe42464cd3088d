"""The names that the first design gave are where it put them."""

from importlib import import_module

import pytest

NAMES = {
    "services.bracket_order_service": [
        "validate_bracket_order",
        "place_bracket_order",
        "place_bracket_order_with_auth",
    ],
    "database.auth_db": ["get_auth_token_broker", "get_api_key_for_tradingview"],
    "database.apilog_db": ["async_log_order"],
    "database.analyzer_db": ["async_log_analyzer"],
    "database.symbol": ["enhanced_search_symbols"],
    "services.telegram_alert_service": ["send_order_alert"],
    "extensions": ["socketio"],
    "limiter": ["limiter"],
    "utils.constants": ["VALID_EXCHANGES", "VALID_ACTIONS", "VALID_PRODUCT_TYPES", "VALID_PRICE_TYPES"],
    "broker.paper.api.order_api": ["place_order_api", "place_gtt_order_api"],
    "broker.zerodha.api.order_api": ["place_order_api", "place_gtt_order_api"],
    "broker.registry": ["import_broker_module"],
    "restx_api": ["api_v1_bp"],
    "restx_api.bracket_order": ["api"],
    "blueprints.tv_json": [],
    "app": ["create_app", "main"],
}


@pytest.mark.parametrize("module", NAMES)
def test_the_original_designs_names_exist(module: str) -> None:
    found = import_module(module)

    assert [name for name in NAMES[module] if not hasattr(found, name)] == []
