<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Event;

use OpenaiMoodleSidecar\Wire\Fields;

/** Who is there: the end of a ping. */
final class Status implements Event
{
    /** @param list<string> $models */
    public function __construct(
        /** The version of the protocol. This client is made for 1. */
        public readonly int $protocol,
        /** The version of the sidecar. */
        public readonly string $version,
        /** Null: none is configured. */
        public readonly ?string $provider,
        /** What a request may name; the first that is not `*` is the default, `*` among them allows any. */
        public readonly array $models,
        /** False: a chat, summarize or analyze would be refused at present. */
        public readonly bool $ready,
        /** True: a reply may have a ticket, with which a browser reads it through the web server. */
        public readonly bool $tickets = false,
    ) {
    }

    /** @internal */
    public static function from(Fields $fields): self
    {
        return new self(
            $fields->int('protocol'),
            $fields->string('version'),
            $fields->optionalString('provider'),
            $fields->optionalStrings('models') ?? [],
            $fields->bool('ready'),
            $fields->optionalBool('tickets') ?? false,
        );
    }
}
