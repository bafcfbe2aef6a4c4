<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Tests;

use OpenaiMoodleSidecar\Client;
use OpenaiMoodleSidecar\Error\ConnectionFailed;
use OpenaiMoodleSidecar\Error\ConnectionLost;
use OpenaiMoodleSidecar\Request;
use OpenaiMoodleSidecar\Settings;
use PHPUnit\Framework\TestCase;

/** A child that is played: what it is given, and that it is gone afterwards. */
final class StdioTest extends TestCase
{
    use TemporaryFolder;

    public function testItIsGivenItsWordsItsEnvironmentAndNothingElse(): void
    {
        putenv('DATABASE_PASSWORD=secret');
        $words = ['surroundings', '', '$(touch /tmp/x); "\'&'];
        $answer = $this->client($words, ['SIDECAR_PROVIDER' => 'demo'])->ask(Request::chat('x'));
        putenv('DATABASE_PASSWORD');
        self::assertEquals(
            [
                'environment' => ['SIDECAR_PROVIDER' => 'demo'],
                'folder' => '/',
                'words' => [__DIR__ . '/child.php', ...$words],
            ],
            json_decode($answer->text, true),
        );
    }

    public function testOneThatSaysMuchOnStderrIsNotStoppedByIt(): void
    {
        self::assertSame('Hello', $this->client(['talkative'])->ask(Request::chat('x'))->text);
    }

    public function testOneThatDoesNotStartSaysWhy(): void
    {
        $this->expectException(ConnectionFailed::class);
        $this->expectExceptionMessage('status 78. It said last: openai-moodle-sidecar: OPENAI_MODEL is not set.');
        $this->client(['wrong setting'])->ask(Request::chat('x'));
    }

    public function testOneThatDiesWithARequestHasLostIt(): void
    {
        $this->expectException(ConnectionLost::class);
        $this->expectExceptionMessage('status 70. It said last: A bug.');
        $this->client(['dying'])->ask(Request::chat('x'));
    }

    public function testOneWhoseAnswerNobodyReadsAnyMoreIsGoneAtOnce(): void
    {
        $events = $this->client(['endless', $this->folder() . '/pid'])->stream(Request::chat('x'));
        $pid = (int) file_get_contents($this->folder() . '/pid');
        self::assertTrue(posix_kill($pid, 0));
        $began = hrtime(true);
        unset($events);
        self::assertFalse(posix_kill($pid, 0));
        self::assertLessThan(500_000_000, hrtime(true) - $began);
    }

    /** @dataProvider beyond */
    public function testWhatOutlivesAConnectionIsNotAskedOfIt(Request $request): void
    {
        $client = $this->client(['plain', $this->folder() . '/pid']);
        try {
            $client->ask($request);
            self::fail('It cannot be done.');
        } catch (ConnectionFailed) {
            self::assertFileDoesNotExist($this->folder() . '/pid');
        }
    }

    /** @return list<array{Request}> */
    public static function beyond(): array
    {
        return [[Request::chat('x', ['detach' => true])], [Request::resume('r_1')]];
    }

    /**
     * @param list<string> $words
     * @param array<string, string> $environment
     */
    private function client(array $words, array $environment = []): Client
    {
        $command = [PHP_BINARY, '-n', __DIR__ . '/child.php', ...$words];
        return new Client(new Settings(socket: null, command: $command, environment: $environment));
    }
}
