<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Tests;

use OpenaiMoodleSidecar\Client;
use OpenaiMoodleSidecar\Deadlines;
use OpenaiMoodleSidecar\Error\ConnectionLost;
use OpenaiMoodleSidecar\Error\DeadlineExceeded;
use OpenaiMoodleSidecar\Error\Internal;
use OpenaiMoodleSidecar\Error\Overloaded;
use OpenaiMoodleSidecar\Error\ProtocolViolation;
use OpenaiMoodleSidecar\Error\TimeoutIdle;
use OpenaiMoodleSidecar\Error\TooLarge;
use OpenaiMoodleSidecar\Event\Delta;
use OpenaiMoodleSidecar\Event\Done;
use OpenaiMoodleSidecar\Event\Heartbeat;
use OpenaiMoodleSidecar\Event\Start;
use OpenaiMoodleSidecar\Request;
use PHPUnit\Framework\TestCase;

/** The client against a sidecar that is played: what it says, and what it does wrong. */
final class ClientTest extends TestCase
{
    use PlayedSidecar;

    public function testAStreamGivesItsEventsInTheirOrder(): void
    {
        $events = $this->stream(static function (PeerConnection $peer): void {
            $peer->read();
            $later = ['event' => 'citation', 'source' => 'x'];
            $peer->send(Spoken::START, Spoken::PING, $later, Spoken::DELTA, Spoken::DONE);
        });
        $classes = array_map(get_class(...), iterator_to_array($events));
        self::assertSame([Start::class, Heartbeat::class, Delta::class, Done::class], $classes);
    }

    /** @dataProvider sizes */
    public function testShortReads(int $size): void
    {
        $events = iterator_to_array($this->stream(static function (PeerConnection $peer) use ($size): void {
            $peer->read();
            $peer->sendBytes($peer->frame(Spoken::START, Spoken::DELTA, Spoken::DONE), $size);
        }));
        self::assertCount(3, $events);
        self::assertInstanceOf(Delta::class, $events[1]);
        self::assertSame('Prímes ', $events[1]->text);
    }

    /** @return list<array{int}> */
    public static function sizes(): array
    {
        return [[1], [2], [7]];
    }

    public function testShortWrites(): void
    {
        $client = $this->client(static function (PeerConnection $peer): void {
            $peer->read(5000);
            $peer->send(['data' => hash('sha256', $peer->request['content'])] + Spoken::ANSWER);
        });
        $content = str_repeat('0123456789abcdef', 250_000);
        self::assertSame(hash('sha256', $content), $client->ask(Request::summarize($content))->text);
    }

    public function testARefusalThatComesWhileTheRequestIsStillBeingSentIsHeard(): void
    {
        $client = $this->client(static function (PeerConnection $peer): void {
            $peer->send(['event' => 'error', 'id' => null, 'code' => 'too_large', 'message' => 'Too much.']);
        });
        $this->expectException(TooLarge::class);
        $client->ask(Request::summarize(str_repeat('x', 4_000_000)));
    }

    public function testARefusalThrowsBeforeTheStreamIsThere(): void
    {
        $client = $this->client(static function (PeerConnection $peer): void {
            $peer->read();
            $usage = ['prompt_tokens' => 0, 'completion_tokens' => 0];
            $error = ['event' => 'error', 'code' => 'overloaded', 'message' => 'Full.', 'retry_after' => 1.5];
            $peer->send($error + ['usage' => $usage]);
        });
        try {
            $client->stream(Request::chat('x'));
            self::fail('It was refused.');
        } catch (Overloaded $error) {
            self::assertSame([503, 'overloaded', 1.5], [$error->getCode(), $error->errorCode, $error->retryAfter]);
            self::assertSame(0, $error->usage?->promptTokens);
        }
    }

    public function testAnErrorInTheMiddleEndsTheStreamWithItsException(): void
    {
        $events = $this->stream(static function (PeerConnection $peer): void {
            $peer->read();
            $error = ['event' => 'error', 'code' => 'timeout_idle', 'message' => 'Silent.', 'usage' => Spoken::USAGE];
            $peer->send(Spoken::START, Spoken::DELTA, $error);
        });
        $got = [];
        try {
            foreach ($events as $event) {
                $got[] = $event;
            }
            self::fail('It did not end well.');
        } catch (TimeoutIdle $error) {
            self::assertSame(4, $error->usage?->completionTokens);
        }
        self::assertCount(2, $got);
    }

    public function testAPlainFailureBringsTheTextUntilThen(): void
    {
        $client = $this->client(static function (PeerConnection $peer): void {
            $peer->read();
            $peer->send(['success' => false, 'error' => 'Bug.', 'code' => 'internal', 'partial' => 'A prime']);
        });
        try {
            $client->ask(Request::chat('x'));
            self::fail('It failed.');
        } catch (Internal $error) {
            self::assertSame(['A prime', 'Bug.'], [$error->partial, $error->getMessage()]);
            self::assertMatchesRegularExpression('/\A[0-9a-f]{12}\z/', (string) $error->requestId);
        }
    }

    /**
     * @dataProvider silences
     *
     * @param list<array<string, mixed>> $said
     */
    public function testDeadlines(string $name, Deadlines $deadlines, array $said, bool $stream): void
    {
        $this->peer = Peer::play($this->folder(), static function (PeerConnection $peer) use ($said): void {
            $peer->read();
            $peer->send(...$said);
            $peer->read();
        });
        $client = new Client($this->settings($deadlines));
        try {
            $stream ? iterator_to_array($client->stream(Request::chat('x'))) : $client->ask(Request::chat('x'));
            self::fail('Nothing came.');
        } catch (DeadlineExceeded $exception) {
            self::assertSame([$name, 0.1], [$exception->deadline, $exception->seconds]);
            self::assertSame(504, $exception->getCode());
        }
        $this->peer->waitNoted('left');
    }

    /** @return array<string, array{string, Deadlines, list<array<string, mixed>>, bool}> */
    public static function silences(): array
    {
        return [
            'no first event' => ['firstEvent', new Deadlines(firstEvent: 0.1), [], true],
            'silence' => ['silence', new Deadlines(silence: 0.1), [Spoken::START], true],
            'no end of a stream' => ['total', new Deadlines(total: 0.1), [Spoken::START, Spoken::PING], true],
            'no answer' => ['total', new Deadlines(total: 0.1), [], false],
        ];
    }

    public function testEventsOfALaterVersionAreASignOfLife(): void
    {
        $this->peer = Peer::play($this->folder(), static function (PeerConnection $peer): void {
            $peer->read();
            $peer->send(Spoken::START);
            for ($time = 0; $time < 20; $time++) {
                usleep(50_000);
                $peer->send(['event' => 'thought']);
            }
            $peer->send(Spoken::DONE);
        });
        $client = new Client($this->settings(new Deadlines(silence: 0.9)));
        self::assertCount(2, iterator_to_array($client->stream(Request::chat('x'))));
    }

    public function testTheTotalHoldsForAStreamThatNeverRests(): void
    {
        $this->peer = Peer::play($this->folder(), static function (PeerConnection $peer): void {
            $peer->read();
            $peer->send(Spoken::START, ...array_fill(0, 200, Spoken::DELTA));
            $peer->read();
        });
        $client = new Client($this->settings(new Deadlines(total: 0.2)));
        $this->expectException(DeadlineExceeded::class);
        $this->expectExceptionMessage('(total)');
        foreach ($client->stream(Request::chat('x')) as $_) {
            usleep(5000);
        }
    }

    /** @dataProvider farewells */
    public function testAConnectionThatEndsEarlyIsLostAndTheRequestIsNotSentAgain(string $bytes): void
    {
        $client = $this->client(static function (PeerConnection $peer) use ($bytes): void {
            $peer->read();
            $peer->sendBytes($bytes);
        });
        try {
            $client->ask(Request::chat('x'));
            self::fail('It was lost.');
        } catch (ConnectionLost) {
            self::assertSame(['connected', 'chat'], $this->peer?->noted());
        }
    }

    /** @return array<string, array{string}> */
    public static function farewells(): array
    {
        return [
            'without a word' => [''],
            'after half a length' => ["\0\0"],
            'between length and payload' => ["\0\0\0\5"],
            'in the middle of a payload' => ["\0\0\0\5{"],
        ];
    }

    /** @dataProvider nonsense */
    public function testWhatIsNoSidecarIsAViolation(string $bytes): void
    {
        $client = $this->client(static function (PeerConnection $peer) use ($bytes): void {
            $peer->read();
            $peer->sendBytes($bytes);
        });
        $this->expectException(ProtocolViolation::class);
        $client->ask(Request::chat('x'));
    }

    /** @return array<string, array{string}> */
    public static function nonsense(): array
    {
        return [
            'HTTP' => ["HTTP/1.1 200 OK\r\n\r\n"],
            'a line' => ["{\"success\":true,\"data\":\"x\"}\n"],
            'no length' => ["\0\0\0\0"],
            'a length beyond the limit' => ["\0\xff\xff\xff"],
            'no object' => ["\0\0\0\2[]"],
            'no message' => ["\0\0\0\2{}"],
            'an answer of somebody else' => ["\0\0\0\x24{\"success\":true,\"data\":\"x\",\"id\":\"2\"}"],
            'an event where an answer is due' => ["\0\0\0\x10{\"event\":\"ping\"}"],
        ];
    }

    public function testAPlainAnswerToAStreamIsAViolation(): void
    {
        $events = $this->stream(static function (PeerConnection $peer): void {
            $peer->read();
            $peer->send(Spoken::ANSWER);
        });
        $this->expectException(ProtocolViolation::class);
        iterator_to_array($events);
    }
}
