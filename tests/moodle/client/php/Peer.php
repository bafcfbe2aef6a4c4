<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Tests;

use PHPUnit\Framework\Assert;

/**
 * Plays a sidecar in a process of its own. Each connection gets the next script; the last one serves all that follow.
 *
 * What a script notes can be read in the test: `$peer->noted()`.
 */
final class Peer
{
    private const PATIENCE_SECONDS = 10;

    /** @var resource */
    private $notes;

    private string $noted = '';

    private function __construct(private readonly int $pid, public readonly string $address, string $notes)
    {
        $this->notes = fopen($notes, 'r') ?: throw new \RuntimeException($notes);
    }

    /**
     * @param string $folder For its socket and its notes.
     * @param \Closure(PeerConnection): void ...$scripts
     */
    public static function play(string $folder, \Closure ...$scripts): self
    {
        $path = "$folder/peer.sock";
        return self::playAt("unix://$path", "$folder/notes", 128, ...$scripts);
    }

    /** @param \Closure(PeerConnection): void ...$scripts */
    public static function playAt(string $address, string $notes, int $backlog, \Closure ...$scripts): self
    {
        $context = stream_context_create(['socket' => ['backlog' => $backlog]]);
        $flags = STREAM_SERVER_BIND | STREAM_SERVER_LISTEN;
        $listener = stream_socket_server($address, $errno, $message, $flags, $context);
        Assert::assertNotFalse($listener, $message);
        touch($notes);
        $pid = pcntl_fork();
        if ($pid === 0) {
            self::serve($listener, $notes, $scripts);
        }
        $name = (string) stream_socket_get_name($listener, false);
        fclose($listener);
        return new self($pid, $name, $notes);
    }

    /** Waits until the scripts have noted `$line`. */
    public function waitNoted(string $line): void
    {
        $deadline = hrtime(true) + self::PATIENCE_SECONDS * 1_000_000_000;
        while (!in_array($line, $this->noted(), true)) {
            Assert::assertLessThan($deadline, hrtime(true), "$line is not in: $this->noted");
            usleep(2000);
        }
    }

    /** @return list<string> */
    public function noted(): array
    {
        fseek($this->notes, 0);
        $this->noted = (string) stream_get_contents($this->notes);
        return explode("\n", trim($this->noted));
    }

    public function end(): void
    {
        posix_kill($this->pid, SIGKILL);
        pcntl_waitpid($this->pid, $status);
    }

    /**
     * @param resource $listener
     * @param array<\Closure(PeerConnection): void> $scripts
     */
    private static function serve($listener, string $notes, array $scripts): never
    {
        pcntl_alarm(self::PATIENCE_SECONDS * 3);
        $number = 0;
        while (true) {
            $socket = @stream_socket_accept($listener, self::PATIENCE_SECONDS * 3);
            if ($socket === false) {
                break;
            }
            $connection = new PeerConnection($socket, $notes);
            $connection->note('connected');
            try {
                $scripts[min($number++, count($scripts) - 1)]($connection);
            } catch (\Throwable $exception) {
                $connection->note(get_class($exception) . ": {$exception->getMessage()}");
            }
            $connection->close();
        }
        // Without what PHPUnit would do at the end of the process.
        posix_kill(posix_getpid(), SIGKILL);
        exit(1);
    }
}
