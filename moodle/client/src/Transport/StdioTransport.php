<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Transport;

use OpenaiMoodleSidecar\Error\InvalidSettings;
use OpenaiMoodleSidecar\Settings;

/**
 * A sidecar of one's own, a child that ends with its request: where none is running.
 *
 * It starts anew for every request and runs as PHP's user, so that PHP's user can read the key that it uses.
 */
final class StdioTransport implements Transport
{
    /** @var \Closure(): array<string, string> There may be a key in it. */
    private readonly \Closure $environment;

    /**
     * @param list<string> $command
     * @param array<string, string> $environment
     */
    public function __construct(private readonly array $command, #[\SensitiveParameter] array $environment)
    {
        $this->environment = static fn (): array => $environment;
        if (!str_starts_with($command[0] ?? '', '/')) {
            throw new InvalidSettings('command must begin with the absolute path of a program.');
        }
    }

    public function name(): string
    {
        return Settings::STDIO;
    }

    public function outlivesConnection(): bool
    {
        return false;
    }

    public function token(): ?string
    {
        return null;
    }

    public function connect(float $seconds): Connection
    {
        $child = ChildProcess::start($this->command, ($this->environment)());
        return new Connection($child->stdin, $child);
    }

    /** @return array<string, mixed> What dumps may show: of the environment only the names. */
    public function __debugInfo(): array
    {
        return ['command' => $this->command, 'environment' => array_keys(($this->environment)())];
    }
}
