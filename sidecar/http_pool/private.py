"""Which addresses are of the open internet, for those who let a provider be nowhere else."""

import ipaddress
from ipaddress import IPv4Address, IPv6Address, IPv6Network

# Behind these the last 32 bits are an address of IPv4: NAT64, RFC 6052.
_NAT64 = IPv6Network("64:ff9b::/96")
# Tunnels to IPv4 that nobody's provider is behind: 6to4 and Teredo.
_TUNNELS = (IPv6Network("2002::/16"), IPv6Network("2001::/32"))
# An older kind of private network, RFC 3879, which Python takes for global.
_SITE_LOCAL = IPv6Network("fec0::/10")


def is_public(address: str) -> bool:
    """Say whether it is of the open internet, and not of this machine, its networks, or what serves only them.

    Not public: loopback, private and shared networks, link-local addresses (where clouds hand out the secrets of a
    machine), multicast, what is reserved. A name is not public.
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv6Address):
        if any(parsed in network for network in (*_TUNNELS, _SITE_LOCAL)):
            return False
        parsed = _inside(parsed) or parsed
    return parsed.is_global and not parsed.is_multicast and not parsed.is_reserved


def _inside(address: IPv6Address) -> IPv4Address | None:
    """Return the address of IPv4 that packets go to."""
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped
