"""A token that dies in the middle of a trade, and the login after it."""

import pytest

pytestmark = pytest.mark.slow
