<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Tests;

use OpenaiMoodleSidecar\Error\ConnectionFailed;
use OpenaiMoodleSidecar\Error\RateLimited;
use OpenaiMoodleSidecar\Error\SidecarException;
use OpenaiMoodleSidecar\Event\Acknowledgement;
use OpenaiMoodleSidecar\Event\Delta;
use OpenaiMoodleSidecar\Event\Done;
use OpenaiMoodleSidecar\Event\Event;
use OpenaiMoodleSidecar\Event\Heartbeat;
use OpenaiMoodleSidecar\Event\Progress;
use OpenaiMoodleSidecar\Event\Start;
use OpenaiMoodleSidecar\FinishReason;
use OpenaiMoodleSidecar\ServerSentEvents;
use OpenaiMoodleSidecar\Usage;
use PHPUnit\Framework\TestCase;

/** What a browser gets: the events of the wire, each a block. */
final class ServerSentEventsTest extends TestCase
{
    /** @dataProvider events */
    public function testEvents(Event $event, string $written): void
    {
        self::assertSame($written, ServerSentEvents::event($event));
    }

    /** @return list<array{Event, string}> */
    public static function events(): array
    {
        return [
            [
                new Start('r_1', 'a/b'),
                "event: start\ndata: {\"event\":\"start\",\"reply\":\"r_1\",\"model\":\"a/b\"}\n\n",
            ],
            [
                new Delta(3, "é\n\r</script>"),
                "event: delta\nid: 3\ndata: {\"event\":\"delta\",\"seq\":3,\"text\":\"é\\n\\r</script>\"}\n\n",
            ],
            [
                new Progress('reading', 1, 2),
                "event: progress\ndata: {\"event\":\"progress\",\"stage\":\"reading\",\"done\":1,\"total\":2}\n\n",
            ],
            [
                new Done(FinishReason::Stop, new Usage(1, 2, true), 0.5, true),
                "event: done\ndata: {\"event\":\"done\",\"finish_reason\":\"stop\",\"usage\":"
                . "{\"prompt_tokens\":1,\"completion_tokens\":2,\"estimated\":true},\"overhead_ms\":0.5,"
                . "\"shared\":true}\n\n",
            ],
            [new Heartbeat(), ": ping\n\n"],
        ];
    }

    public function testWhatIsNoEventOfAStreamIsNotWritten(): void
    {
        $this->expectExceptionMessage('Acknowledgement');
        ServerSentEvents::event(new Acknowledgement());
    }

    /** @dataProvider failures */
    public function testAFailureTellsTheBrowserItsCodeAndNotItsMessage(SidecarException $exception, string $data): void
    {
        self::assertSame($data, ServerSentEvents::refusal($exception));
        $event = substr($data, 1);
        self::assertSame("event: error\ndata: {\"event\":\"error\",$event\n\n", ServerSentEvents::error($exception));
    }

    /** @return list<array{SidecarException, string}> */
    public static function failures(): array
    {
        return [
            [new ConnectionFailed(['unix' => 'No connection to /run/x.']), '{"code":"connection_failed"}'],
            [
                new RateLimited('Wait.', 2.5, new Usage(1, 0)),
                '{"code":"rate_limited","retry_after":2.5,"usage":{"prompt_tokens":1,"completion_tokens":0}}',
            ],
        ];
    }
}
