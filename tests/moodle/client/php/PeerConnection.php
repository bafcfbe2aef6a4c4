<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Tests;

use OpenaiMoodleSidecar\Wire\FrameDecoder;

/** A connection as the played sidecar sees it. */
final class PeerConnection
{
    private readonly FrameDecoder $frames;

    /** @var array<string, mixed> The latest request. */
    public array $request = [];

    /** @param resource $socket */
    public function __construct(private $socket, private readonly string $notes)
    {
        $this->frames = new FrameDecoder();
        // Else fread() waits for as much as it was asked for, where its buffer holds a part of that.
        stream_set_read_buffer($socket, 0);
    }

    public function note(string $line): void
    {
        file_put_contents($this->notes, "$line\n", FILE_APPEND);
    }

    /** Reads a request, `$size` bytes at a time, and notes its action; or notes that the client has left. */
    public function read(int $size = 65536): bool
    {
        while (($payload = $this->frames->next()) === null) {
            $chunk = (string) fread($this->socket, $size);
            if ($chunk === '') {
                $this->note('left');
                return false;
            }
            $this->frames->feed($chunk);
        }
        $this->request = json_decode($payload, true, flags: JSON_THROW_ON_ERROR);
        $this->note($this->request['action']);
        return true;
    }

    /** @param array<string, mixed> ...$messages In frames; with the id of the latest request, unless they have one. */
    public function send(array ...$messages): void
    {
        $this->sendBytes($this->frame(...$messages));
    }

    /** @param array<string, mixed> ...$messages */
    public function frame(array ...$messages): string
    {
        $frames = '';
        foreach ($messages as $message) {
            $id = ($message['event'] ?? '') === 'ping' ? [] : ['id' => $this->request['id'] ?? null];
            $frames .= FrameDecoder::encode(json_encode($message + $id, JSON_THROW_ON_ERROR));
        }
        return $frames;
    }

    public function sendBytes(string $bytes, int $size = 65536): void
    {
        foreach (str_split($bytes, $size) as $piece) {
            fwrite($this->socket, $piece);
        }
    }

    public function close(): void
    {
        if (is_resource($this->socket)) {
            fclose($this->socket);
        }
    }
}
