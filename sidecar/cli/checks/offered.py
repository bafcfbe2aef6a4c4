"""For whoever has set a model that the provider does not have: which ones there are."""

from sidecar.settings import Settings

_SHOWN = 20


async def name_models(settings: Settings) -> str:
    """Return a sentence for behind another one; nothing where the provider does not say which models it has."""
    from sidecar.providers.catalogue import list_models  # with httpx: for a wrong name only

    names = await list_models(settings)
    if not names:
        return ""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f" The provider has {', '.join(names[:_SHOWN])}{more}."
