<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Wire;

use OpenaiMoodleSidecar\Error\ProtocolViolation;

/**
 * The fields of one JSON object, by type. Null is the same as absent.
 *
 * Each method throws ProtocolViolation, which names the field, where it is not what is asked for.
 *
 * @internal
 */
final class Fields
{
    /** @param array<array-key, mixed> $values */
    public function __construct(private readonly array $values)
    {
    }

    public function has(string $name): bool
    {
        return isset($this->values[$name]);
    }

    public function string(string $name): string
    {
        return $this->optionalString($name) ?? $this->reject($name);
    }

    public function int(string $name): int
    {
        $value = $this->values[$name] ?? null;
        return is_int($value) ? $value : $this->reject($name);
    }

    public function float(string $name): float
    {
        return $this->optionalFloat($name) ?? $this->reject($name);
    }

    public function bool(string $name): bool
    {
        return $this->optionalBool($name) ?? $this->reject($name);
    }

    public function fields(string $name): self
    {
        return $this->optionalFields($name) ?? $this->reject($name);
    }

    public function optionalString(string $name): ?string
    {
        $value = $this->values[$name] ?? null;
        return $value === null || is_string($value) ? $value : $this->reject($name);
    }

    public function optionalFloat(string $name): ?float
    {
        $value = $this->values[$name] ?? null;
        return $value === null ? null : (is_int($value) || is_float($value) ? (float) $value : $this->reject($name));
    }

    public function optionalBool(string $name): ?bool
    {
        $value = $this->values[$name] ?? null;
        return $value === null || is_bool($value) ? $value : $this->reject($name);
    }

    public function optionalFields(string $name): ?self
    {
        $value = $this->values[$name] ?? null;
        return $value === null ? null : (is_array($value) ? new self($value) : $this->reject($name));
    }

    /** @return array<array-key, mixed>|null */
    public function optionalArray(string $name): ?array
    {
        $value = $this->values[$name] ?? null;
        return $value === null || is_array($value) ? $value : $this->reject($name);
    }

    /** @return list<string>|null */
    public function optionalStrings(string $name): ?array
    {
        $values = $this->values[$name] ?? null;
        if ($values === null) {
            return null;
        }
        $texts = is_array($values) ? array_values(array_filter($values, is_string(...))) : null;
        return $texts === $values ? $texts : $this->reject($name);
    }

    private function reject(string $name): never
    {
        throw new ProtocolViolation("The sidecar sent a message whose field `$name` is missing or of another type.");
    }

    /** @return array<string, mixed> What dumps may show: only the names. */
    public function __debugInfo(): array
    {
        return ['fields' => array_keys($this->values)];
    }
}
