<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Tests;

/** A folder that goes with the test. */
trait TemporaryFolder
{
    private ?string $folder = null;

    private function folder(): string
    {
        if ($this->folder === null) {
            $this->folder = sys_get_temp_dir() . '/sidecar-' . bin2hex(random_bytes(6));
            mkdir($this->folder, 0o700);
        }
        return $this->folder;
    }

    /** @after */
    protected function removeFolder(): void
    {
        if ($this->folder !== null) {
            array_map(unlink(...), glob("$this->folder/*") ?: []);
            rmdir($this->folder);
            $this->folder = null;
        }
    }
}
