<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Tests\Server;

use OpenaiMoodleSidecar\Request;
use OpenaiMoodleSidecar\Settings;
use OpenaiMoodleSidecar\Wire\FrameDecoder;

/** What PHP can do wrong with its requests: more rows C of the project's fault matrix, by their numbers. */
final class RequestFaultsTest extends BystanderTestCase
{
    /** @dataProvider transports */
    public function testC47AThousandAtOnce(string $transport): void
    {
        $connection = Sidecar::join($transport);
        $requests = [];
        for ($number = 0; $number < 1000; $number++) {
            $requests[] = ['id' => "$number", 'max_tokens' => 1] + self::CHAT;
        }
        $connection->send(...$requests);
        $ends = ['done' => 0, 'overloaded' => 0];
        while (array_sum($ends) < 1000) {
            $message = $connection->receive() ?? self::fail('The connection was closed.');
            if ($message['event'] === 'done') {
                $ends['done']++;
            } elseif ($message['event'] === 'error') {
                $ends[$message['code']]++;
            }
        }
        self::assertCount(2, $ends);
        self::assertGreaterThanOrEqual(116, $ends['done']);
    }

    /** @dataProvider transports */
    public function testC49C50AnIdIsOneRequestAtATime(string $transport): void
    {
        $connection = Sidecar::join($transport);
        $chat = ['id' => '1', 'max_tokens' => 5] + self::CHAT;
        $connection->send($chat, $chat);
        $messages = $connection->receiveUntilEnd('1');
        self::assertSame('duplicate_id', end($messages)['code']);
        $messages = $connection->receiveUntilEnd('1');
        self::assertSame('done', end($messages)['event']);
        $connection->send($chat);
        $messages = $connection->receiveUntilEnd('1');
        self::assertSame('done', end($messages)['event']);
    }

    /** @dataProvider transports */
    public function testC51C53ToCancelWhatIsNotThere(string $transport): void
    {
        $connection = Sidecar::join($transport);
        $connection->send(['id' => '1', 'max_tokens' => 5] + self::CHAT);
        for ($time = 0; $time < 100; $time++) {
            $connection->send(...array_fill(0, 100, ['action' => 'cancel', 'id' => 'other']));
        }
        $messages = $connection->receiveUntilEnd('1');
        self::assertSame('done', end($messages)['event']);
        $connection->send(['action' => 'cancel', 'id' => '1'], ['action' => 'cancel', 'id' => '2', 'reply' => 'r_no']);
        self::assertSame('not_found', $connection->receive()['code'] ?? null);
    }

    /** @dataProvider transports */
    public function testC52CancelWhileRunningAndWhileWaiting(string $transport): void
    {
        $connection = Sidecar::join($transport);
        $ids = array_map(static fn (int $number): string => "r$number", range(1, 18));
        foreach ($ids as $id) {
            $connection->send(['id' => $id] + self::CHAT);
        }
        foreach (array_reverse($ids) as $id) {
            $connection->send(['action' => 'cancel', 'id' => $id], ['action' => 'cancel', 'id' => $id]);
        }
        $ended = [];
        while (count($ended) < count($ids)) {
            $message = $connection->receive() ?? self::fail('The connection was closed.');
            self::assertArrayNotHasKey($message['id'], $ended, 'Nothing comes after the end.');
            if ($message['event'] === 'error') {
                $ended[$message['id']] = $message['code'];
            }
        }
        self::assertSame(['cancelled'], array_values(array_unique($ended)));
    }

    public function testC55HundredsThatDoNothing(): void
    {
        $connections = [];
        for ($number = 0; $number < 300; $number++) {
            $connections[] = Sidecar::connect($number % 8 === 0 ? Settings::TCP : Settings::UNIX);
        }
        self::assertTrue(Sidecar::client(Settings::UNIX)->status()->ready);
        foreach ($connections as $connection) {
            self::assertSame('', $connection->readToEnd());
        }
    }

    public function testC61C63WrongTokens(): void
    {
        for ($time = 0; $time < 5; $time++) {
            foreach ([['token' => 'wrong'], []] as $token) {
                $connection = Sidecar::connect(Settings::TCP);
                $connection->send(['id' => '1'] + $token + self::CHAT);
                self::assertSame('unauthorized', $connection->receive()['code'] ?? null);
                self::assertNull($connection->receive());
            }
        }
        self::assertTrue(Sidecar::client(Settings::TCP)->status()->ready);
    }

    /** @dataProvider transports */
    public function testC73OneWithManyRequestsHoldsNobodyUp(string $transport): void
    {
        $greedy = Sidecar::join($transport);
        for ($number = 0; $number < 100; $number++) {
            $greedy->send(['id' => "$number"] + self::CHAT);
        }
        $began = hrtime(true);
        for ($number = 0; $number < 10; $number++) {
            Sidecar::client(Settings::UNIX)->stream(Request::chat('Hi'));
        }
        // Behind the hundred they would wait for eight seconds.
        self::assertLessThan(5e9, hrtime(true) - $began);
    }

    /** @dataProvider transports */
    public function testC74HoweverAConversationIsCut(string $transport): void
    {
        $chat = ['id' => '1', 'content' => 'é😀', 'stream' => false, 'max_tokens' => 2] + self::CHAT;
        $bytes = FrameDecoder::encode((string) json_encode(['id' => '1', 'stream' => false] + $chat))
            . FrameDecoder::encode('{"action":"ping","id":"2"}');
        $answers = [];
        foreach ([1, 2, 7, 4096] as $size) {
            $connection = Sidecar::join($transport);
            foreach (str_split($bytes, $size) as $piece) {
                $connection->sendBytes($piece);
            }
            $pair = [$connection->receive(), $connection->receive()];
            $texts = array_column($pair, 'data', 'id');
            self::assertCount(1, $texts);
            $answers[] = $texts;
        }
        self::assertCount(1, array_unique($answers, SORT_REGULAR));
    }
}
