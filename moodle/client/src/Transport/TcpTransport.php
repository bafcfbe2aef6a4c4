<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Transport;

use OpenaiMoodleSidecar\Error\InvalidSettings;
use OpenaiMoodleSidecar\Settings;

/** TCP on the loopback interface, which every user of the machine can reach: hence the token. */
final class TcpTransport implements Transport
{
    /** @var \Closure(): ?string What is in a closure is neither exported nor serialized. */
    private readonly \Closure $token;

    public function __construct(
        private readonly string $address,
        #[\SensitiveParameter] ?string $token,
        private readonly ?string $tokenFile,
    ) {
        $this->token = static fn (): ?string => $token;
        // Only loopback: the token and what people write go over it in the clear.
        if (preg_match('/\A(127(\.\d{1,3}){3}|localhost|\[::1\]):\d{1,5}\z/', $address) !== 1) {
            throw new InvalidSettings('tcp must be a loopback address with its port, such as 127.0.0.1:8081.');
        }
        if ($token !== null && $tokenFile !== null) {
            throw new InvalidSettings('Give token or tokenFile, not both.');
        }
    }

    public function name(): string
    {
        return Settings::TCP;
    }

    public function outlivesConnection(): bool
    {
        return true;
    }

    public function token(): ?string
    {
        if ($this->tokenFile === null) {
            return ($this->token)();
        }
        $file = $this->tokenFile;
        $token = Quiet::call(static fn(): string|false => file_get_contents($file));
        if ($token === false) {
            throw new TransportFailed("The token file $file cannot be read by the user that PHP runs as.");
        }
        return trim($token);
    }

    public function connect(float $seconds): Connection
    {
        return new Connection(Dialing::dial("tcp://$this->address", $seconds));
    }

    /** @return array<string, mixed> What dumps may show. */
    public function __debugInfo(): array
    {
        return ['address' => $this->address, 'tokenFile' => $this->tokenFile];
    }
}
