"""docs/errors.md, made from the one table of error codes."""

import sys
from pathlib import Path

from restx_api.error_codes import CODES

PAGE = Path(__file__).parent.parent / "docs" / "errors.md"
_HEAD = """# Errors

Every answer that is not a success has `status: "error"`, `message` (a sentence that names field and value),
`code` (stable: branch on this) and `request_id`; for bad fields also `errors: {field: [sentence]}`. What was
refused before it was stored left nothing behind, and the same `client_order_id` may be sent again.

This page is made from `restx_api/error_codes.py` by `make docs`.

| code | HTTP | meaning |
|---|---|---|
"""


def main(arguments: list[str]) -> int:
    """Write the page; with --check, only say whether it is up to date."""
    made = _HEAD + "".join(f"| `{name}` | {code.status} | {code.meaning} |\n" for name, code in CODES.items())
    if "--check" in arguments:
        is_current = PAGE.exists() and PAGE.read_text(encoding="utf-8") == made
        print("the error codes are up to date" if is_current else "run `make docs`: docs/errors.md is old")
        return int(not is_current)
    PAGE.write_text(made, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
