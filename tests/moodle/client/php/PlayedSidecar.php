<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Tests;

use OpenaiMoodleSidecar\Client;
use OpenaiMoodleSidecar\Deadlines;
use OpenaiMoodleSidecar\Event\Event;
use OpenaiMoodleSidecar\Request;
use OpenaiMoodleSidecar\Settings;

/** A sidecar that is played behind a Unix socket, and a client of it. */
trait PlayedSidecar
{
    use TemporaryFolder;

    private ?Peer $peer = null;

    /** @after */
    protected function endPeer(): void
    {
        $this->peer?->end();
    }

    private function client(\Closure $script): Client
    {
        $this->peer = Peer::play($this->folder(), $script);
        return new Client($this->settings());
    }

    /** @return \Generator<int, Event> */
    private function stream(\Closure $script): \Generator
    {
        return $this->client($script)->stream(Request::chat('x'));
    }

    private function settings(Deadlines $deadlines = new Deadlines()): Settings
    {
        return new Settings(socket: $this->folder() . '/peer.sock', deadlines: $deadlines);
    }
}
