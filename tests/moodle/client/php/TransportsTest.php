<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Tests;

use OpenaiMoodleSidecar\Client;
use OpenaiMoodleSidecar\Deadlines;
use OpenaiMoodleSidecar\Error\ConnectionFailed;
use OpenaiMoodleSidecar\Error\ConnectionLost;
use OpenaiMoodleSidecar\Error\DeadlineExceeded;
use OpenaiMoodleSidecar\Error\Forbidden;
use OpenaiMoodleSidecar\Error\SidecarException;
use OpenaiMoodleSidecar\Request;
use OpenaiMoodleSidecar\Settings;
use OpenaiMoodleSidecar\Transport\FileRest;
use PHPUnit\Framework\TestCase;

/** Which transport is tried when, and that no request is ever paid twice. */
final class TransportsTest extends TestCase
{
    use TemporaryFolder;

    /** @var list<Peer> */
    private array $peers = [];

    protected function tearDown(): void
    {
        foreach ($this->peers as $peer) {
            $peer->end();
        }
    }

    public function testWithoutTheFirstTheSecondIsTakenAndOnlyItIsToldTheToken(): void
    {
        file_put_contents($this->folder() . '/token', " secret\n");
        $tcp = $this->tcp(static function (PeerConnection $peer): void {
            $peer->read();
            $peer->note($peer->request['token'] ?? 'no token');
            $peer->send(Spoken::ANSWER);
        });
        $settings = ['tcp' => $tcp->address, 'tokenFile' => $this->folder() . '/token'];
        self::assertSame('x', $this->client($settings)->ask(Request::chat('x'))->text);
        self::assertSame(['connected', 'chat', 'secret'], $tcp->noted());

        $unix = $this->unix(static function (PeerConnection $peer): void {
            $peer->read();
            $peer->note($peer->request['token'] ?? 'no token');
            $peer->send(Spoken::ANSWER);
        });
        $this->client($settings)->ask(Request::chat('x'));
        self::assertSame(['connected', 'chat', 'no token'], $unix->noted());
    }

    public function testWhereNoneLeadsToASidecarAllReasonsAreTold(): void
    {
        $client = $this->client(['tcp' => '127.0.0.1:1', 'tokenFile' => '/nowhere/token', 'command' => ['/nowhere/x']]);
        try {
            $client->ask(Request::chat('x'));
            self::fail('Nobody is there.');
        } catch (ConnectionFailed $exception) {
            self::assertSame(['unix', 'tcp', 'stdio'], array_keys($exception->reasons));
            foreach (['peer.sock: No such file', '/nowhere/token cannot be read', '/nowhere/x is not there'] as $part) {
                self::assertStringContainsString($part, $exception->getMessage());
            }
        }
    }

    /** @dataProvider endings */
    public function testWhatMayHaveBeenUnderstoodIsNotSentAgain(string $exception, \Closure $script): void
    {
        $unix = $this->unix($script);
        $tcp = $this->tcp(self::answer(...));
        $client = $this->client(['tcp' => $tcp->address], new Deadlines(firstEvent: 0.2, total: 0.2));
        foreach (['ask', 'stream'] as $way) {
            try {
                $client->$way(Request::chat('x'));
                self::fail('It was lost.');
            } catch (SidecarException $lost) {
                self::assertInstanceOf($exception, $lost);
            }
        }
        $unix->waitNoted('chat');
        self::assertSame([''], $tcp->noted());
    }

    /** @return array<string, array{class-string, \Closure(PeerConnection): void}> */
    public static function endings(): array
    {
        $close = static function (PeerConnection $peer): void {
            $peer->read();
        };
        $hold = static function (PeerConnection $peer): void {
            $peer->read();
            $peer->read();
        };
        return ['closed' => [ConnectionLost::class, $close], 'slow' => [DeadlineExceeded::class, $hold]];
    }

    /** @dataProvider refusals */
    public function testWhatWasNotWholeIsSentOverTheNext(\Closure $script): void
    {
        $this->unix($script);
        $tcp = $this->tcp(self::answer(...));
        $client = $this->client(['tcp' => $tcp->address], new Deadlines(firstEvent: 1.0));
        self::assertSame('x', $client->ask(Request::summarize(str_repeat('x', 4_000_000)))->text);
    }

    /** @return array<string, array{\Closure(PeerConnection): void}> */
    public static function refusals(): array
    {
        return [
            'closed at once' => [static function (): void {
            }],
            'never read' => [static function (): void {
                sleep(5);
            }],
        ];
    }

    public function testWhoIsForbiddenOneTransportTriesTheNext(): void
    {
        $this->unix(self::forbid(...));
        $tcp = $this->tcp(self::answer(...));
        self::assertSame('x', $this->client(['tcp' => $tcp->address])->ask(Request::chat('x'))->text);
    }

    public function testWhoIsForbiddenAllIsToldSo(): void
    {
        $this->unix(self::forbid(...));
        $this->expectException(Forbidden::class);
        $this->client(['tcp' => '127.0.0.1:1'])->ask(Request::chat('x'));
    }

    public function testATransportThatFailedIsTriedLastForAWhile(): void
    {
        $tcp = $this->tcp(self::answer(...));
        $unix = $this->unix(self::forbid(...));
        $rest = new FileRest($this->folder());
        for ($time = 0; $time < 3; $time++) {
            // Another request of PHP has another client.
            $this->client(['tcp' => $tcp->address, 'rest' => $rest])->ask(Request::chat('x'));
        }
        self::assertCount(1, array_keys($unix->noted(), 'connected', true));

        $tcp->end();
        $this->expectException(Forbidden::class);
        $this->client(['tcp' => $tcp->address, 'rest' => $rest])->ask(Request::chat('x'));
    }

    public function testAfterAHungSidecarTheNextRequestGoesElsewhereFirst(): void
    {
        $hung = $this->unix(static function (PeerConnection $peer): void {
            $peer->read();
            $peer->read();
        });
        $tcp = $this->tcp(self::answer(...));
        $settings = ['tcp' => $tcp->address, 'rest' => new FileRest($this->folder())];
        try {
            $this->client($settings, new Deadlines(firstEvent: 0.1))->stream(Request::chat('x'));
            self::fail('It hangs.');
        } catch (DeadlineExceeded) {
            // Not sent again: it may have been understood.
            self::assertSame([''], $tcp->noted());
        }
        $this->client($settings)->ask(Request::chat('x'));
        self::assertCount(1, array_keys($hung->noted(), 'connected', true));
    }

    public function testAFullBacklogOfTheUnixSocketIsTriedAgainUntilTheDeadline(): void
    {
        $path = $this->folder() . '/peer.sock';
        $context = stream_context_create(['socket' => ['backlog' => 0]]);
        $listener = stream_socket_server("unix://$path", context: $context);
        self::assertIsResource($listener);
        $waiting = stream_socket_client("unix://$path");
        $began = hrtime(true);
        try {
            $this->client([], new Deadlines(connect: 0.2))->ask(Request::chat('x'));
            self::fail('Nobody accepts.');
        } catch (ConnectionFailed $exception) {
            self::assertStringContainsString('temporarily unavailable', $exception->getMessage());
        }
        $seconds = (hrtime(true) - $began) / 1e9;
        self::assertGreaterThan(0.2, $seconds);
        self::assertLessThan(5.0, $seconds);
        self::assertIsResource($waiting);
    }

    public function testAFullBacklogThatEmptiesIsNoFailure(): void
    {
        $path = $this->folder() . '/peer.sock';
        $slow = static function (PeerConnection $peer): void {
            $peer->read();
            usleep(20_000);
            $peer->send(Spoken::ANSWER);
        };
        $this->peers[] = $peer = Peer::playAt("unix://$path", $this->folder() . '/notes', 0, $slow);
        $clients = [];
        for ($number = 0; $number < 5; $number++) {
            $clients[] = $pid = pcntl_fork();
            if ($pid === 0) {
                $text = $this->client()->ask(Request::chat('x'))->text;
                // Without what PHPUnit would do at the end of the process.
                posix_kill(posix_getpid(), $text === 'x' ? SIGTERM : SIGKILL);
            }
        }
        foreach ($clients as $pid) {
            pcntl_waitpid($pid, $status);
            self::assertSame(SIGTERM, pcntl_wtermsig($status));
        }
        self::assertCount(10, $peer->noted());
    }

    public function testTcpThatDoesNotAcceptIsGivenUpAtTheDeadline(): void
    {
        $context = stream_context_create(['socket' => ['backlog' => 0]]);
        $listener = stream_socket_server('tcp://127.0.0.1:0', context: $context);
        self::assertIsResource($listener);
        $address = (string) stream_socket_get_name($listener, false);
        $waiting = [];
        for ($number = 0; $number < 3; $number++) {
            $waiting[] = @stream_socket_client("tcp://$address", timeout: 0.1);
        }
        $this->expectException(ConnectionFailed::class);
        $this->expectExceptionMessage('timed out');
        $this->client(['socket' => null, 'tcp' => $address], new Deadlines(connect: 0.1))->ask(Request::chat('x'));
    }

    public function testProbeAsksOverEachTransport(): void
    {
        $this->unix(static function (PeerConnection $peer): void {
            $peer->read();
            $peer->send([
                'event' => 'done', 'protocol' => 1, 'version' => '0.1.0', 'provider' => 'demo', 'models' => ['demo'],
                'ready' => true,
            ]);
        });
        $found = $this->client(['tcp' => '127.0.0.1:1', 'command' => ['/nowhere/x']])->probe();
        self::assertSame(['unix', 'tcp', 'stdio'], array_keys($found));
        self::assertSame(['demo'], $found['unix']->models ?? null);
        self::assertInstanceOf(ConnectionFailed::class, $found['tcp']);
        self::assertInstanceOf(ConnectionFailed::class, $found['stdio']);
    }

    private static function answer(PeerConnection $peer): void
    {
        $peer->read();
        $peer->send(Spoken::ANSWER);
    }

    private static function forbid(PeerConnection $peer): void
    {
        $peer->send(['event' => 'error', 'id' => null, 'code' => 'forbidden', 'message' => 'Not you.']);
        $peer->read();
    }

    private function unix(\Closure $script): Peer
    {
        return $this->peers[] = Peer::play($this->folder(), $script);
    }

    private function tcp(\Closure $script): Peer
    {
        return $this->peers[] = Peer::playAt('tcp://127.0.0.1:0', $this->folder() . '/tcp-notes', 128, $script);
    }

    /** @param array<string, mixed> $settings */
    private function client(array $settings = [], Deadlines $deadlines = new Deadlines()): Client
    {
        $usual = ['socket' => $this->folder() . '/peer.sock', 'deadlines' => $deadlines];
        return new Client(new Settings(...$settings + $usual));
    }
}
