"""The one table of error codes: what each is answered with, and what it means for the client."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """The HTTP status of a code, and a sentence for docs/errors.md."""

    status: int
    meaning: str


CODES: dict[str, ErrorCode] = {
    "request_invalid": ErrorCode(400, "The body or fields of it cannot be used; `errors` names all faults."),
    "price_off_tick": ErrorCode(400, "A price is no multiple of the tick size; both neighbours are named."),
    "quantity_off_lot": ErrorCode(400, "The quantity is no multiple of the lot size."),
    "price_relationship": ErrorCode(400, "Stop, entry and target are not in the order the side asks for."),
    "price_insane": ErrorCode(400, "A price is far from the market; `confirm_prices` says that it is meant."),
    "entry_rejected": ErrorCode(400, "The broker refused the entry, in its own words. Nothing is open."),
    "order_rejected": ErrorCode(400, "The broker refused a plain order, in its own words."),
    "login_refused": ErrorCode(400, "The login at the broker was not taken, and nothing was changed."),
    "push_not_genuine": ErrorCode(401, "The checksum of a broker's push is wrong. Nothing was changed."),
    "invalid_api_key": ErrorCode(401, "The key is missing, wrong or revoked, or header and body differ."),
    "not_logged_in": ErrorCode(401, "The dashboard's session has ended; log in again."),
    "login_failed": ErrorCode(401, "Name, password or code is wrong, or a code was used before."),
    "csrf_refused": ErrorCode(403, "The request did not come from a page of this session."),
    "invalid_openalgo_apikey": ErrorCode(403, "The same, at the OpenAlgo-compatible addresses."),
    "scope_missing": ErrorCode(403, "The key may not do this."),
    "killed": ErrorCode(403, "The kill switch is set: no new entries."),
    "held_after_restore": ErrorCode(
        403, "The database was restored from a backup; a person has to look at it and let it go on."
    ),
    "webhook_paused": ErrorCode(403, "The webhook is paused."),
    "webhook_limit": ErrorCode(403, "Beyond what this webhook may do: symbol, quantity, hours, and so on."),
    "not_found": ErrorCode(404, "No such address, or no such bracket or order of this account."),
    "method_not_allowed": ErrorCode(405, "The address does not take this method."),
    "idempotency_conflict": ErrorCode(409, "The `client_order_id` was used for another order."),
    "symbol_conflict": ErrorCode(409, "An open bracket holds the other side; see `on_opposite`."),
    "bracket_closed": ErrorCode(409, "The bracket is closed: nothing of it can change."),
    "body_too_large": ErrorCode(413, "The body is larger than 64 KiB."),
    "cannot_protect": ErrorCode(422, "The broker has no way to hold these exits; nothing is entered."),
    "would_trigger_now": ErrorCode(422, "The stop is at or beyond the market already."),
    "market_closed": ErrorCode(422, "The exchange is closed; the sentence says when it opens."),
    "past_cutoff": ErrorCode(422, "Too late in the day for this product or contract, or for this `exit_at`."),
    "exchange_not_served": ErrorCode(422, "The broker does not serve this exchange."),
    "entry_stale": ErrorCode(422, "The entry could not be sent while it was fresh. Nothing was placed."),
    "alert_stale": ErrorCode(422, "The alert's `timenow` is missing or too old."),
    "rate_limited": ErrorCode(429, "Too many calls; `Retry-After` says when to call again."),
    "broker_error": ErrorCode(500, "The broker was not reached; that nothing was placed is proved."),
    "internal_error": ErrorCode(500, "A fault of ours; the log has it under the `request_id`."),
    "not_stored": ErrorCode(503, "Nothing was stored and nothing sent: send it again in a moment."),
    "maybe_stored": ErrorCode(
        503, "The database was lost in the middle of it: look whether it is there before you send it again."
    ),
    "not_ready": ErrorCode(503, "The service is not ready; `reasons` has why."),
}
