"""Opens what a provider keeps open, where it keeps anything: `async with opened(provider): ...`."""

from contextlib import AbstractAsyncContextManager, nullcontext

from sidecar.providers.interface import Provider


def opened(provider: Provider | None) -> AbstractAsyncContextManager[object]:
    """Return what holds the provider's connections open; for one without any, as the demo, it does nothing."""
    holder: object = provider
    return holder if isinstance(holder, AbstractAsyncContextManager) else nullcontext()
