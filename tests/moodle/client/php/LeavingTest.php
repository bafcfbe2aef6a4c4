<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Tests;

use OpenaiMoodleSidecar\Client;
use OpenaiMoodleSidecar\Error\BrowserLeft;
use OpenaiMoodleSidecar\Event\Delta;
use OpenaiMoodleSidecar\Request;
use PHPUnit\Framework\TestCase;

/** Nobody pays for what nobody reads: neither where PHP stops reading, nor where its browser has left. */
final class LeavingTest extends TestCase
{
    use PlayedSidecar;

    public function testToStopReadingClosesTheConnection(): void
    {
        $events = $this->stream(static function (PeerConnection $peer): void {
            $peer->read();
            $peer->send(Spoken::START, Spoken::DELTA);
            $peer->read();
        });
        foreach ($events as $event) {
            if ($event instanceof Delta) {
                break;
            }
        }
        unset($events);
        $this->peer?->waitNoted('left');
    }

    public function testAStreamThatNobodyReadsClosesTheConnection(): void
    {
        $events = $this->stream(static function (PeerConnection $peer): void {
            $peer->read();
            $peer->send(Spoken::START);
            $peer->read();
        });
        unset($events);
        $this->peer?->waitNoted('left');
    }

    public function testABrowserThatLeftCancelsByIdAndTheCostIsKnown(): void
    {
        $this->peer = Peer::play($this->folder(), static function (PeerConnection $peer): void {
            $peer->read();
            $id = $peer->request['id'];
            $peer->send(Spoken::START, Spoken::DELTA);
            $peer->read();
            $peer->note($id === $peer->request['id'] ? 'same id' : 'other id');
            $peer->send(['seq' => 2] + Spoken::DELTA, Spoken::CANCELLED);
        });
        $hasLeft = false;
        $client = new Client($this->settings(), static function () use (&$hasLeft): bool {
            return $hasLeft;
        });
        try {
            foreach ($client->stream(Request::chat('x')) as $event) {
                $hasLeft = $event instanceof Delta;
            }
            self::fail('The browser left.');
        } catch (BrowserLeft $exception) {
            self::assertSame(4, $exception->usage?->completionTokens);
        }
        $this->peer->waitNoted('cancel');
        $this->peer->waitNoted('same id');
    }

    public function testASidecarThatGoesAwayDuringTheCancelIsNoOtherException(): void
    {
        $this->peer = Peer::play($this->folder(), static function (PeerConnection $peer): void {
            $peer->read();
            $peer->send(Spoken::START, Spoken::DELTA);
            $peer->read();
        });
        $client = new Client($this->settings(), static fn (): bool => true);
        try {
            iterator_to_array($client->stream(Request::chat('x')));
            self::fail('The browser left.');
        } catch (BrowserLeft $exception) {
            self::assertNull($exception->usage);
        }
    }

    /** @dataProvider thoseThatGoOn */
    public function testABrowserThatLeftCancelsNothingThatIsDetached(Request $request): void
    {
        $this->peer = Peer::play($this->folder(), static function (PeerConnection $peer): void {
            $peer->read();
            $peer->send(Spoken::START, Spoken::DELTA);
            $peer->read();
        });
        $client = new Client($this->settings(), static fn (): bool => true);
        try {
            iterator_to_array($client->stream($request));
            self::fail('The browser left.');
        } catch (BrowserLeft $exception) {
            self::assertNull($exception->usage);
        }
        $this->peer->waitNoted('left');
        self::assertNotContains('cancel', $this->peer->noted());
    }

    /** @return list<array{Request}> */
    public static function thoseThatGoOn(): array
    {
        return [[Request::chat('x', ['detach' => true])], [Request::resume('r_1')]];
    }
}
