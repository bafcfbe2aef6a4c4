<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Transport;

use OpenaiMoodleSidecar\Deadline;

/**
 * A sidecar that PHP has started.
 *
 * PHP hands every descriptor that it has open on to its children; the sidecar closes them as its first act.
 *
 * @internal
 */
final class ChildProcess
{
    /** How long it may take to end by itself once it is done. */
    private const END_SECONDS = 1.0;

    /** Of what it says, only the last matters: why it ended. */
    private const STDERR_BYTES = 8192;

    private const SIGKILL = 9;

    private const FUNCTIONS = ['proc_open', 'proc_get_status', 'proc_terminate', 'proc_close'];

    /** With these it ends before it reads a request: sysexits.h, and a program that is not there. */
    private const UNREAD_STATUSES = [2, 69, 73, 77, 78, 126, 127];

    /** @var resource|null Null once it is at its end. */
    private $stderr;

    private string $said = '';

    private ?int $status = null;

    /**
     * @param resource|null $process Null once it was ended.
     * @param resource $stdin
     * @param resource $stdout
     * @param resource $stderr
     */
    private function __construct(private $process, public readonly mixed $stdin, public readonly mixed $stdout, $stderr)
    {
        stream_set_blocking($stderr, false);
        $this->stderr = $stderr;
    }

    /**
     * Starts it, without a shell, in the root folder (a `.env` in PHP's own is not for it) and with nothing but
     * `$environment`.
     *
     * @param list<string> $command
     * @param array<string, string> $environment
     *
     * @throws TransportFailed It cannot be started.
     */
    public static function start(array $command, #[\SensitiveParameter] array $environment): self
    {
        $missing = array_diff(self::FUNCTIONS, array_filter(self::FUNCTIONS, function_exists(...)));
        if ($missing !== []) {
            $names = implode(', ', $missing);
            throw new TransportFailed("PHP may start no child: disable_functions names $names.");
        }
        if (!Quiet::call(static fn (): bool => is_executable($command[0]))) {
            throw new TransportFailed("$command[0] is not there, or PHP's user may not run it.");
        }
        $pipes = [['pipe', 'r'], ['pipe', 'w'], ['pipe', 'w']];
        $process = Quiet::call(static function () use ($command, $pipes, &$ends, $environment) {
            return proc_open($command, $pipes, $ends, '/', $environment);
        });
        if ($process === false) {
            throw new TransportFailed("$command[0] could not be started.");
        }
        /** @var array{resource, resource, resource} $ends */
        $child = new self($process, ...$ends);
        // After a fatal error no destructor runs, and a worker of PHP would keep the dead child.
        $reference = \WeakReference::create($child);
        register_shutdown_function(static fn () => $reference->get()?->end(isDone: false));
        return $child;
    }

    /** @return resource|null Its stderr, while something may come from it: unread, a full one would stop it. */
    public function stderr()
    {
        return $this->stderr;
    }

    public function readStderr(): void
    {
        if ($this->stderr === null) {
            return;
        }
        $stderr = $this->stderr;
        $chunk = (string) Quiet::call(static fn(): string|false => fread($stderr, self::STDERR_BYTES));
        $this->said = substr($this->said . $chunk, -self::STDERR_BYTES);
        if ($chunk === '' && feof($this->stderr)) {
            fclose($this->stderr);
            $this->stderr = null;
        }
    }

    /** Says why it has ended, once it closed its stdout. */
    public function explainEnd(): EndOfConnection
    {
        $deadline = new Deadline(self::END_SECONDS);
        while ($this->isRunning() && $deadline->left() > 0) {
            usleep(2000);
        }
        do {
            $before = $this->said;
            $this->readStderr();
        } while ($this->said !== $before);
        $how = $this->status === null ? 'closed its output' : "ended with status $this->status";
        $lines = explode("\n", trim($this->said));
        $last = end($lines) === '' ? 'It said nothing.' : 'It said last: ' . end($lines);
        $isUnread = in_array($this->status, self::UNREAD_STATUSES, true);
        return new EndOfConnection("The sidecar that PHP started $how. $last", $isUnread);
    }

    /** Ends it, for certain: a child that is not done is killed, and the kernel closes its call to the provider. */
    public function end(bool $isDone): void
    {
        $deadline = new Deadline($isDone ? self::END_SECONDS : 0.0);
        while ($this->isRunning() && $deadline->left() > 0) {
            $this->readStderr();
            usleep(2000);
        }
        if ($this->process === null) {
            return;
        }
        if ($this->isRunning()) {
            proc_terminate($this->process, self::SIGKILL);
        }
        if ($this->stderr !== null) {
            fclose($this->stderr);
            $this->stderr = null;
        }
        proc_close($this->process);
        $this->process = null;
    }

    private function isRunning(): bool
    {
        if ($this->process === null) {
            return false;
        }
        if ($this->status === null) {
            $now = proc_get_status($this->process);
            // Only the first look after the end is told the status.
            $this->status = $now['running'] ? null : ($now['signaled'] ? 128 + $now['termsig'] : $now['exitcode']);
        }
        return $this->status === null;
    }
}
