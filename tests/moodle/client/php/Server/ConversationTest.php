<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Tests\Server;

use OpenaiMoodleSidecar\Answer;
use OpenaiMoodleSidecar\Error\BadMessage;
use OpenaiMoodleSidecar\Error\Cancelled;
use OpenaiMoodleSidecar\Error\ConnectionFailed;
use OpenaiMoodleSidecar\Error\InvalidParameter;
use OpenaiMoodleSidecar\Error\NotFound;
use OpenaiMoodleSidecar\Error\Unauthorized;
use OpenaiMoodleSidecar\Event\Delta;
use OpenaiMoodleSidecar\Event\Done;
use OpenaiMoodleSidecar\Event\Event;
use OpenaiMoodleSidecar\Event\Start;
use OpenaiMoodleSidecar\Event\Status;
use OpenaiMoodleSidecar\FinishReason;
use OpenaiMoodleSidecar\Request;
use OpenaiMoodleSidecar\Settings;
use OpenaiMoodleSidecar\Client;
use PHPUnit\Framework\TestCase;

/** What the client is for, with the real server, over each transport. */
final class ConversationTest extends TestCase
{
    /** @dataProvider requests */
    public function testAStreamAndAPlainCallGiveTheSameText(string $transport, string $action): void
    {
        $client = Sidecar::client($transport);
        $request = Request::$action('A prime has two divisors. Nine has three. — é😀', ['max_tokens' => 6]);
        $events = iterator_to_array($client->stream($request));
        $answer = $client->ask($request);

        self::assertInstanceOf(Start::class, $events[0]);
        $done = end($events);
        self::assertInstanceOf(Done::class, $done);
        self::assertSame($answer->text, self::text($events));
        self::assertEquals([$answer->finishReason, $answer->usage], [$done->finishReason, $done->usage]);
        $seqs = array_map(static fn (Event $event): int => $event->seq ?? 0, array_slice($events, 1, -1));
        self::assertSame(range(1, count($seqs)), $seqs);
    }

    /** @return iterable<string, array{string, string}> */
    public static function requests(): iterable
    {
        foreach (Sidecar::transports() as $name => [$transport]) {
            foreach (['chat', 'summarize', 'analyze'] as $action) {
                yield "$action over $name" => [$transport, $action];
            }
        }
    }

    /** @dataProvider transports */
    public function testStatus(string $transport): void
    {
        $status = Sidecar::client($transport)->status();
        self::assertSame([1, 'demo', ['demo'], true], [
            $status->protocol, $status->provider, $status->models, $status->ready,
        ]);
    }

    public function testProbe(): void
    {
        $found = Sidecar::client()->probe();
        self::assertSame(['unix', 'tcp', 'stdio'], array_keys($found));
        self::assertContainsOnlyInstancesOf(Status::class, $found);
    }

    /** @dataProvider transports */
    public function testATypingMistakeIsNamed(string $transport): void
    {
        $this->expectException(BadMessage::class);
        $this->expectExceptionMessage('temprature');
        Sidecar::client($transport)->ask(Request::chat('x', ['temprature' => 1]));
    }

    /** @dataProvider sockets */
    public function testADetachedReplyIsReadFromWhereItWasAndCollected(string $transport): void
    {
        $client = Sidecar::client($transport);
        $start = $client->start(Request::chat('Hi', ['detach' => true, 'user_id' => 42, 'max_tokens' => 8]));
        $answer = $client->ask(Request::resume($start->reply, userId: 42));
        $whole = iterator_to_array($client->stream(Request::resume($start->reply, userId: '42')));
        $rest = iterator_to_array($client->stream(Request::resume($start->reply, 5, 42)));

        self::assertSame($start->reply, $answer->reply);
        self::assertSame($answer->text, self::text($whole));
        self::assertInstanceOf(Delta::class, $rest[1]);
        self::assertSame(6, $rest[1]->seq);
        self::assertStringEndsWith(self::text($rest), $answer->text);
    }

    /** @dataProvider sockets */
    public function testNobodyElseReadsOrEndsIt(string $transport): void
    {
        $client = Sidecar::client($transport);
        $start = $client->start(Request::chat('Hi', ['detach' => true, 'user_id' => 42]));
        $calls = [
            static fn (): Answer => $client->ask(Request::resume($start->reply, userId: 43)),
            static fn () => $client->cancel($start->reply, 43),
            static fn () => $client->cancel('r_never', 42),
        ];
        foreach ($calls as $call) {
            try {
                $call();
                self::fail('It was found.');
            } catch (NotFound $error) {
                self::assertSame(404, $error->getCode());
            }
        }
        $client->cancel($start->reply, 42);
    }

    /** @dataProvider sockets */
    public function testACancelledReplyEndsSo(string $transport): void
    {
        $client = Sidecar::client($transport);
        $start = $client->start(Request::chat('Hi', ['detach' => true]));
        $client->cancel($start->reply);
        // It has ended already: nothing happens.
        $client->cancel($start->reply);
        $this->expectException(Cancelled::class);
        $client->ask(Request::resume($start->reply));
    }

    /** @dataProvider sockets */
    public function testOneKeyIsOneReply(string $transport): void
    {
        $client = Sidecar::client($transport);
        $key = bin2hex(random_bytes(8));
        $fields = ['detach' => true, 'key' => $key, 'max_tokens' => 3];
        $first = $client->start(Request::chat('Hi', $fields));
        self::assertSame($first->reply, $client->start(Request::chat('Hi', $fields))->reply);
        $this->expectException(InvalidParameter::class);
        $client->start(Request::chat('Something else', $fields));
    }

    /** @dataProvider sockets */
    public function testATicketComesWithTheStartAndAgain(string $transport): void
    {
        $client = Sidecar::client($transport);
        self::assertTrue($client->status()->tickets);
        $start = $client->start(Request::chat('Hi', ['detach' => true, 'ticket' => true, 'user_id' => 42]));
        $again = $client->ticket($start->reply, after: 0, userId: 42);
        self::assertNotSame('', $start->ticket ?? '');
        self::assertNotSame($start->ticket, $again->ticket);
        self::assertSame([30.0, 30.0], [$start->expiresIn, $again->expiresIn]);
        $this->expectException(NotFound::class);
        $client->ticket($start->reply, userId: 43);
    }

    public function testAChildKeepsNoReply(): void
    {
        $this->expectException(ConnectionFailed::class);
        Sidecar::client(Settings::STDIO)->start(Request::chat('Hi', ['detach' => true]));
    }

    /** @dataProvider transports */
    public function testManyOneAfterTheOther(string $transport): void
    {
        $client = Sidecar::client($transport);
        for ($number = 0; $number < ($transport === Settings::STDIO ? 2 : 20); $number++) {
            $answer = $client->ask(Request::chat('Hi', ['max_tokens' => 1]));
            self::assertSame(FinishReason::Length, $answer->finishReason);
        }
    }

    public function testAWrongTokenIsUnauthorized(): void
    {
        $client = new Client(new Settings(socket: null, tcp: Sidecar::told('TCP'), token: 'wrong'));
        $this->expectException(Unauthorized::class);
        $client->status();
    }

    public function testAWrongTokenIsNoReasonToGiveUpWhereThereIsAnotherTransport(): void
    {
        $client = new Client(new Settings(
            socket: Sidecar::told('SOCKET'),
            tcp: Sidecar::told('TCP'),
            token: 'wrong',
            order: [Settings::TCP, Settings::UNIX],
        ));
        self::assertTrue($client->status()->ready);
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

    /** @param array<int, Event> $events */
    private static function text(array $events): string
    {
        return implode('', array_map(static fn (Event $event): string => $event->text ?? '', $events));
    }
}
