"""The endpoints of GTTs."""

from simulator.upstox.desk import Desk
from simulator.upstox.failures import bad_input
from simulator.upstox.forms import GttCancelForm, GttChangeForm, GttForm, RuleForm, check_gtt
from simulator.upstox.gtts import Gtt, Rule
from simulator.upstox.rows import Row, microseconds
from simulator.upstox.words import PRODUCTS, SEGMENTS, product_of
from simulator.wire.calls import Call


def place(desk: Desk, call: Call) -> Row:
    asked: GttForm = call.json(GttForm)
    key = desk.key_of(asked.instrument_token)
    product = product_of(asked.product, key[0])
    if product is None or asked.quantity <= 0:
        raise bad_input("The 'product' or the quantity is invalid", "UDAPI1057")
    check_gtt(asked.rules, asked.transaction_type)
    gtt_id = desk.gtts.new(
        account_id=call.user_id,
        kind=asked.type,
        key=key,
        product=product,
        side=asked.transaction_type,
        quantity=asked.quantity,
        rules={rule.strategy: _rule(rule) for rule in asked.rules},
    )
    return {"gtt_order_ids": [gtt_id]}


def _rule(asked: RuleForm) -> Rule:
    return Rule(
        strategy=asked.strategy,
        trigger_type=asked.trigger_type,
        level=asked.trigger_price,
        is_protected=bool(asked.market_protection),
    )


def modify(desk: Desk, call: Call) -> Row:
    asked: GttChangeForm = call.json(GttChangeForm)
    if "ENTRY" not in {rule.strategy for rule in asked.rules}:
        raise bad_input("One ENTRY strategy is required", "UDAPI1126")
    levels = {rule.strategy: rule.trigger_price for rule in asked.rules}
    desk.gtts.change(call.user_id, asked.gtt_order_id, quantity=asked.quantity, levels=levels)
    return {"gtt_order_ids": [asked.gtt_order_id]}


def cancel(desk: Desk, call: Call) -> Row:
    asked: GttCancelForm = call.json(GttCancelForm)
    desk.gtts.cancel(call.user_id, asked.gtt_order_id)
    return {"gtt_order_ids": [asked.gtt_order_id]}


def book(desk: Desk, call: Call) -> list[Row]:
    asked = call.query_values("gtt_order_id")
    found = desk.gtts.listed(call.user_id)
    return [_row(desk, gtt) for gtt in found if not asked or gtt.gtt_id in asked]


def _row(desk: Desk, gtt: Gtt) -> Row:
    return {
        "type": gtt.kind,
        "exchange": SEGMENTS[gtt.key[0]],
        "quantity": gtt.quantity,
        "product": PRODUCTS[gtt.product],
        "rules": [_rule_row(gtt, rule) for rule in gtt.rules.values()],
        "trading_symbol": gtt.key[1],
        "instrument_token": desk.instrument_key(gtt.key),
        "gtt_order_id": gtt.gtt_id,
        "expires_at": microseconds(gtt.expires_at),
        "created_at": microseconds(gtt.created_at),
    }


def _rule_row(gtt: Gtt, rule: Rule) -> Row:
    return {
        "strategy": rule.strategy,
        "status": rule.status,
        "message": rule.message,
        "trigger_type": rule.trigger_type,
        "trigger_price": rule.level,
        "transaction_type": gtt.side_of(rule).value,
        "order_id": rule.order_id,
        "trailing_gap": None,
    }
