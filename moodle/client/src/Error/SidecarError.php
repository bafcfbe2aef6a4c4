<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Error;

use OpenaiMoodleSidecar\Usage;
use OpenaiMoodleSidecar\Wire\Fields;

/**
 * The sidecar's own word that a request failed. Each code of SPEC.md 6.2 has its class in this folder: `rate_limited`
 * is RateLimited.
 */
abstract class SidecarError extends SidecarException
{
    /** @var string The code on the wire. */
    public const CODE = '';

    /** @var int The HTTP status of the code. */
    public const STATUS = 500;

    final public function __construct(
        string $message,
        /** Seconds after which to try again; null where the sidecar does not say. */
        public readonly ?float $retryAfter = null,
        /** What was spent nevertheless; null: nothing was. */
        public readonly ?Usage $usage = null,
        /** That usage is booked with another request, which shares the call. */
        public readonly bool $shared = false,
        /** The text that had come until then. Of plain calls only: a stream's deltas were there. Untrusted. */
        public readonly ?string $partial = null,
        /** The reply's name, where the sidecar gives it. */
        public readonly ?string $reply = null,
        /** What the request was called: the sidecar's log has it, too. */
        public readonly ?string $requestId = null,
        /** The code on the wire, where it is a later sidecar's. */
        ?string $code = null,
    ) {
        parent::__construct($message, static::STATUS, $code ?? static::CODE);
    }

    /**
     * Reads an event `error`, or the plain answer of a failure. A code of a later sidecar is taken as `internal`.
     *
     * @internal
     */
    public static function from(Fields $fields): self
    {
        $code = $fields->string('code');
        $class = __NAMESPACE__ . '\\' . str_replace('_', '', ucwords($code, '_'));
        if (!is_subclass_of($class, self::class) || $class::CODE !== $code) {
            $class = Internal::class;
        }
        $usage = $fields->optionalFields('usage');
        return new $class(
            $fields->string($fields->has('event') ? 'message' : 'error'),
            $fields->optionalFloat('retry_after'),
            $usage === null ? null : Usage::from($usage),
            $fields->optionalBool('shared') ?? false,
            $fields->optionalString('partial'),
            $fields->optionalString('reply'),
            $fields->optionalString('id'),
            $code,
        );
    }
}
