"""How many tries may follow on failed ones in all: few, so that a provider in trouble is not asked all the more."""

# In tenths of a try, which add up without a remainder.
_PRICE = 10
_AT_THE_START = 100
_PER_REQUEST = 1


class RetryBudget:
    """Ten tries at the start, and never more; each request adds a tenth of one.

    So in the long run tries that follow are a tenth of the requests at most, however many fail.
    """

    def __init__(self) -> None:
        self._tenths = _AT_THE_START

    def earn(self) -> None:
        """Count a request."""
        self._tenths = min(self._tenths + _PER_REQUEST, _AT_THE_START)

    def spend(self) -> bool:
        """Pay for a try that follows on a failed one, and say whether there was enough left for it."""
        if self._tenths < _PRICE:
            return False
        self._tenths -= _PRICE
        return True
