"""G5 and G7: how long PHP waits for its first token, asking the provider itself or through the sidecar.

The provider is a round trip of 50 ms away (delay.py). Each request is a PHP process of its own, which has nothing open,
as a request has behind php-fpm; what is measured begins when its script does.
"""

import shutil
import subprocess
import time
from collections.abc import Sequence
from contextlib import ExitStack
from statistics import median

from bench.figures import is_calibrated, ratios
from bench.load import Target
from bench.plan import Plan
from bench.report import Row, progress
from bench.rig import Rig, StartFailed

# Says after how many microseconds the first token came. Arguments: URL, CA.
_DIRECT = r"""
$began = hrtime(true);
$handle = curl_init($argv[1]);
curl_setopt_array($handle, [
    CURLOPT_POSTFIELDS => '{"model":"0x5","stream":true,"messages":[{"role":"user","content":"Count."}]}',
    CURLOPT_HTTPHEADER => ['Content-Type: application/json', 'Authorization: Bearer bench'],
    CURLOPT_CAINFO => $argv[2],
    CURLOPT_WRITEFUNCTION => function ($handle, $came) use ($began) {
        static $all = '';
        $all .= $came;
        if (strpos($all, '"content":"') !== false) {
            echo intdiv(hrtime(true) - $began, 1000);
            exit(0);
        }
        return strlen($came);
    },
]);
curl_exec($handle);
exit(1);
"""

# The same through the sidecar. Arguments: the path of its socket.
_SIDECAR = r"""
$began = hrtime(true);
$request = '{"action":"chat","content":"Count.","user_id":"7","model":"0x5","stream":true}';
$socket = stream_socket_client('unix://' . $argv[1]);
fwrite($socket, pack('N', strlen($request)) . $request);
for ($all = ''; ($came = fread($socket, 65536)) !== '' && $came !== false; ) {
    $all .= $came;
    if (strpos($all, '"event":"delta"') !== false) {
        echo intdiv(hrtime(true) - $began, 1000);
        exit(0);
    }
}
exit(1);
"""

_PATIENCE_SECONDS = 15.0
_GOAL = 0.4

# So many sidecars are silent side by side: each has one first request only.
_SILENT = 5


def first_token(rig: Rig, plan: Plan) -> list[Row]:
    """G5: one request after the other."""
    what = f"PHP's first token at {plan.distance_ms:g} ms round trip: sidecar / own curl"
    own, again, through = list[float](), list[float](), list[float]()
    with rig.far(plan.distance_ms) as port, rig.sidecar(port=port) as sidecar:
        _time_sidecar(sidecar)
        for number in range(plan.rounds):
            progress(f"round {number + 1} of {plan.rounds}: PHP at {plan.distance_ms:g} ms")
            own.append(_time_direct(rig, port))
            through.append(_time_sidecar(sidecar))
            again.append(_time_direct(rig, port))
    return [_row("G5", what, through, own, again)]


def after_silence(rig: Rig, plan: Plan) -> list[Row]:
    """G7: the first request after a minute without any."""
    what = f"the same after {plan.silence_seconds:g} s of silence"
    with rig.far(plan.distance_ms) as port, ExitStack() as running:
        sidecars = [running.enter_context(rig.sidecar(port=port)) for _ in range(min(_SILENT, plan.rounds))]
        for sidecar in sidecars:
            _time_sidecar(sidecar)
        progress(f"{plan.silence_seconds:g} s of silence, then PHP at {plan.distance_ms:g} ms")
        time.sleep(plan.silence_seconds)
        through = [_time_sidecar(sidecar) for sidecar in sidecars]
        own = [_time_direct(rig, port) for _ in sidecars]
        again = [_time_direct(rig, port) for _ in sidecars]
    return [_row("G7", what, through, own, again)]


def _row(name: str, what: str, through: Sequence[float], own: Sequence[float], again: Sequence[float]) -> Row:
    same = ratios(again, own)
    return Row(
        name=name,
        what=what,
        values=ratios(through, own),
        goal=_GOAL,
        details=[f"{median(through):.1f} ms against {median(own):.1f} ms"],
        doubts=[] if is_calibrated(same) else [f"PHP's own way differs from itself by {median(same):.2f} x"],
    )


def _time_direct(rig: Rig, port: int) -> float:
    return _run(_DIRECT, f"https://localhost:{port}/v1/chat/completions", str(rig.ca))


def _time_sidecar(sidecar: Target) -> float:
    assert sidecar.path is not None
    return _run(_SIDECAR, sidecar.path)


def _run(script: str, *arguments: str) -> float:
    """Return in milliseconds what the script says.

    Raises:
        StartFailed: it got no token, or there is no PHP with curl.
    """
    php = shutil.which("php")
    if php is None:
        raise StartFailed("There is no php: install php-cli and php-curl.")
    command = [php, "-r", script, "--", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE_SECONDS)
    if done.returncode != 0 or not done.stdout.isdecimal():
        raise StartFailed(f"PHP got no token: {done.stdout[-500:]} {done.stderr[-500:]}")
    return int(done.stdout) / 1000
