import ssl
from collections.abc import Iterable
from socket import AF_INET, AF_INET6, socket

import pytest

from sidecar.errors import UpstreamConnect
from sidecar.http_pool import dialing
from sidecar.http_pool.dialing import Dialer, Origin
from sidecar.http_pool.failures import Unreachable
from sidecar.http_pool.names import Address, Names
from sidecar.http_pool.private import is_public

PUBLIC = """
8.8.8.8 1.1.1.1 172.32.0.1 2606:4700::1111 2001:4860:4860::8888 64:ff9b::808:808 ::ffff:8.8.8.8
""".split()
PRIVATE = """
127.0.0.1 127.9.9.9 10.1.2.3 172.16.0.1 172.31.255.255 192.168.1.1 169.254.169.254 100.64.0.1 0.0.0.0 224.0.0.1
240.0.0.1 255.255.255.255 192.0.2.1 198.18.0.1 ::1 :: fe80::1 fe80::1%eth0 fc00::1 fd00:ec2::254 ff02::1 2001:db8::1
::ffff:10.0.0.1 ::ffff:127.0.0.1 ::127.0.0.1 64:ff9b::a00:1 64:ff9b::a9fe:a9fe 64:ff9b:1::a00:1 2002:a00:1::
2002:7f00:1:: 2001:0:1::1 fec0::1 feff::1
""".split()
NAMES = ["localhost", "provider.example", "010.0.0.1", "0x7f.1", "2130706433"]


@pytest.mark.parametrize("address", PUBLIC)
def test_what_is_of_the_open_internet(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address", [*PRIVATE, "localhost", "provider.example", "", "010.0.0.1", "0x7f.1", "2130706433"]
)
def test_what_is_not(address: str) -> None:
    assert not is_public(address)


class Dialed(Exception):
    """The addresses that would be dialed."""

    def __init__(self, addresses: Iterable[Address]) -> None:
        super().__init__()
        self.hosts = [host for _, host in addresses]


class TestU03ANameThatLeadsIntoAPrivateNetwork:
    @pytest.fixture(autouse=True)
    def _dial_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async def connect(addresses: Iterable[Address], port: int) -> socket:
            raise Dialed(addresses)

        monkeypatch.setattr(dialing, "connect", connect)

    def dialer(self, *hosts: str, denies_private: bool = True) -> Dialer:
        """Return one for whom every name has these addresses the first time, and a private one ever after."""
        answers = iter([list(hosts)])

        def resolve(name: str) -> list[Address]:
            found = next(answers, ["127.0.0.1"])
            return [(AF_INET6 if ":" in host else AF_INET, host) for host in found]

        return Dialer(Names(resolve), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), denies_private=denies_private)

    @pytest.mark.anyio
    @pytest.mark.parametrize("host", PRIVATE)
    async def test_is_not_dialed(self, host: str) -> None:
        with pytest.raises(UpstreamConnect, match="SIDECAR_DENY_PRIVATE") as caught:
            await self.dialer(host).dial(Origin.of("https://provider.example"))
        assert not isinstance(caught.value, Unreachable)  # which would be tried again

    @pytest.mark.anyio
    async def test_of_several_addresses_the_public_ones_are(self) -> None:
        with pytest.raises(Dialed) as caught:
            await self.dialer("10.0.0.1", "8.8.8.8", "::1").dial(Origin.of("https://provider.example"))
        assert caught.value.hosts == ["8.8.8.8"]

    @pytest.mark.anyio
    async def test_what_was_looked_at_is_what_is_dialed(self) -> None:
        """A second look-up would say 127.0.0.1."""
        with pytest.raises(Dialed) as caught:
            await self.dialer("8.8.8.8").dial(Origin.of("https://provider.example"))
        assert caught.value.hosts == ["8.8.8.8"]

    @pytest.mark.anyio
    async def test_is_dialed_where_that_is_not_denied_for_a_university_has_models_of_its_own(self) -> None:
        with pytest.raises(Dialed) as caught:
            await self.dialer("10.0.0.1", denies_private=False).dial(Origin.of("https://provider.example"))
        assert caught.value.hosts == ["10.0.0.1"]
