<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Tests\Server;

use OpenaiMoodleSidecar\Event\Delta;
use OpenaiMoodleSidecar\Event\Event;
use OpenaiMoodleSidecar\Request;
use OpenaiMoodleSidecar\Settings;
use PHPUnit\Framework\TestCase;

/** While a test does wrong, somebody else's stream comes whole; afterwards, who comes new is served at once. */
abstract class BystanderTestCase extends TestCase
{
    private const BYSTANDER_TOKENS = 6;

    protected const CHAT = ['action' => 'chat', 'content' => 'Hi', 'stream' => true];

    private static ?string $expected = null;

    /** @var \Generator<int, Event> */
    private \Generator $bystander;

    protected function setUp(): void
    {
        $client = Sidecar::client(Settings::UNIX);
        $request = Request::chat('Hi', ['max_tokens' => self::BYSTANDER_TOKENS]);
        self::$expected ??= $client->ask($request)->text;
        $this->bystander = $client->stream($request);
    }

    protected function assertPostConditions(): void
    {
        $began = hrtime(true);
        self::assertTrue(Sidecar::client(Settings::UNIX)->status()->ready);
        self::assertLessThan(1e9, hrtime(true) - $began);
        $text = '';
        foreach ($this->bystander as $event) {
            $text .= $event instanceof Delta ? $event->text : '';
        }
        self::assertSame(self::$expected, $text);
    }

    /** @return array<string, array{string}> */
    public static function transports(): array
    {
        return Sidecar::transports();
    }

    /** @return array<string, array{string}> */
    public static function sockets(): array
    {
        return Sidecar::sockets();
    }
}
