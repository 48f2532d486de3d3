# SPDX-License-Identifier: Apache-2.0
"""The main process's side of the worker: spawn it at first need, run jobs on it, cancel them, outlive its death."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ladle.core.api.errors import BuildError, InternalError
from ladle.core.worker import wire
from ladle.core.worker.child import read_answer

if TYPE_CHECKING:
    import asyncio
    from types import TracebackType
    from typing import Self


OnEvent = Callable[[dict[str, Any]], None]

_KEPT_VARIABLES = ("PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "LANG", "LC_ALL", "LC_CTYPE", "XDG_RUNTIME_DIR", "TZ")
_CHUNK = 256 << 10
_EXIT_TIMEOUT = 15.0
_LOW_FDS = 10
_TAIL = 4096


class _Process:
    """A running worker process, with the long-lived thread that spawned it and waits for its end.

    The thread matters: the kernel sends PDEATHSIG when the *thread* that forked a process ends.
    """

    def __init__(self, argv: Sequence[str], environment: Mapping[str, str]) -> None:
        self.exit_code: int | None = None
        self.pid = 0
        self.greeted = False
        self._error: OSError | None = None
        self._said = ""
        self._closed = False
        self._jobs: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._stderr = os.memfd_create("ladle-worker-stderr")
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        spawned = threading.Event()
        arguments = (list(argv), dict(environment), theirs, spawned)
        self._thread = threading.Thread(target=self._live, args=arguments, name="ladle-worker", daemon=True)
        self._thread.start()
        spawned.wait()
        theirs.close()
        if self._error is not None:
            self.control.close()
            os.close(self._stderr)
            raise BuildError(
                f"cannot start the worker process: {self._error.strerror}", code="WK0006", notes=[" ".join(argv)]
            ) from self._error

    def _live(
        self, argv: list[str], environment: dict[str, str], theirs: socket.socket, spawned: threading.Event
    ) -> None:
        try:
            self.pid = _spawn(argv, environment, theirs.fileno(), self._stderr)
        except OSError as error:
            self._error = error
            return
        finally:
            spawned.set()
        try:
            self.exit_code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        except ChildProcessError:
            self.exit_code = 1
        size = os.fstat(self._stderr).st_size
        self._said = os.pread(self._stderr, _TAIL, max(0, size - _TAIL)).decode(errors="replace")
        os.close(self._stderr)
        with self._lock:
            for sock in self._jobs:
                _shut(sock, socket.SHUT_RD)

    def attach(self, sock: socket.socket) -> None:
        """Have a job's socket read end-of-file once the process is dead, whoever may still hold its other end."""
        with self._lock:
            self._jobs.add(sock)

    def detach(self, sock: socket.socket) -> None:
        """Forget a job's socket before it is closed."""
        with self._lock:
            self._jobs.discard(sock)

    def ended(self, timeout: float) -> bool:
        """Wait up to `timeout` seconds for the process's end; says whether it has ended."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def obituary(self) -> BuildError:
        """The error for jobs that were running when the process died."""
        if self._closed:
            return BuildError("the worker process was closed while the job ran", code="WK0004")
        code = self.exit_code or 0
        how = f"was killed by signal {-code}" if code < 0 else f"ended with status {code}"
        notes = self._said.splitlines()[-12:]
        return BuildError(f"the worker process {how}", code="WK0004", notes=notes, help="run the build again")

    def close(self) -> None:
        """Have the process end, with all it runs, and wait for that."""
        self._closed = self._closed or not self.ended(0)
        self.control.close()
        if not self.ended(_EXIT_TIMEOUT):
            os.kill(self.pid, signal.SIGKILL)
            self._thread.join()


class Worker:
    """Runs jobs (`ladle.core.worker.jobs`) in the worker process of one store; see DESIGN section 8.

    `options` must name the `snapshotter` and whatever else jobs look up, as `module:attribute` strings; its `jobs` may
    add to the table of jobs. `python` is the interpreter command. Any thread may use it; the process starts with
    the first job, and anew with the next job after it died.
    """

    def __init__(
        self,
        root: str,
        *,
        options: Mapping[str, Any],
        python: Sequence[str] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._root = os.path.abspath(root)
        self._options = dict(options)
        self._argv = [*(python or (sys.executable, "-I")), "-m", "ladle.core.worker"]
        self._environment = dict(_kept_environment() if environment is None else environment)
        self._lock = threading.Lock()
        self._process: _Process | None = None

    @property
    def pid(self) -> int:
        """The process id of the worker, 0 while there is none."""
        process = self._process
        return process.pid if process is not None and process.exit_code is None else 0

    async def run(
        self, job: str, args: dict[str, Any], *, fds: Sequence[int] = (), on_event: OnEvent | None = None
    ) -> dict[str, Any]:
        """Run one job and return its result; raises its `BuildError` or `InternalError`.

        Cancelling the task kills everything that the job started, and returns when it is gone.
        """
        import asyncio

        sock, process = self._submit(job, fds)
        with _job_socket(sock, process):
            sock.setblocking(False)
            loop = asyncio.get_running_loop()
            try:
                return await self._converse(loop, sock, {"job": job, "args": args}, on_event)
            except (wire.WireError, ConnectionError) as error:
                ended = await loop.run_in_executor(None, process.ended, 2.0)
                raise self._failure(job, process if ended else None, error) from error
            except (BuildError, InternalError):
                raise
            except BaseException:
                _shut(sock, socket.SHUT_WR)
                await _uncancelled(asyncio.ensure_future(_drain(loop, sock)))
                raise

    async def _converse(
        self,
        loop: asyncio.AbstractEventLoop,
        sock: socket.socket,
        request: Mapping[str, Any],
        on_event: OnEvent | None,
    ) -> dict[str, Any]:
        await loop.sock_sendall(sock, wire.frame(request))
        decoder = wire.Decoder()
        while True:
            for message in decoder.messages():
                answered = take(message, on_event)
                if answered is not None:
                    return answered
            chunk = await loop.sock_recv(sock, _CHUNK)
            if not chunk:
                raise wire.WireError("the job ended without an answer")
            decoder.feed(chunk)

    def run_sync(
        self, job: str, args: dict[str, Any], *, fds: Sequence[int] = (), on_event: OnEvent | None = None
    ) -> dict[str, Any]:
        """The same for callers without an event loop; an interruption (Ctrl-C) cancels the job."""
        sock, process = self._submit(job, fds)
        with _job_socket(sock, process):
            try:
                wire.send_frame(sock, {"job": job, "args": args})
                return read_answer(lambda: wire.receive_frame(sock), on_event)
            except (wire.WireError, ConnectionError) as error:
                raise self._failure(job, process if process.ended(2.0) else None, error) from error
            except (BuildError, InternalError):
                raise
            except BaseException:
                _shut(sock, socket.SHUT_WR)
                while sock.recv(_CHUNK):
                    pass
                raise

    def close(self) -> None:
        """End the worker process with all that it runs, if there is one; a later job starts a new one."""
        with self._lock:
            process, self._process = self._process, None
        if process is not None:
            process.close()
            if os.geteuid() == 0:
                from ladle.core.worker.exec_devices import remove_unused

                remove_unused()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _submit(self, job: str, fds: Sequence[int]) -> tuple[socket.socket, _Process]:
        """Pass one end of a new socket to the worker, starting it if need be; returns the other end."""
        ours, theirs = socket.socketpair()
        try:
            with self._lock, theirs:
                for attempt in range(2):
                    process = self._running()
                    try:
                        if not process.greeted:
                            wire.send_control(process.control, {"root": self._root, "options": self._options})
                            process.greeted = True
                        wire.send_control(process.control, {"job": job}, [theirs.fileno(), *fds])
                        return ours, process
                    except ConnectionError:
                        self._process = None
                        process.ended(2.0)
                        process.close()
                        if attempt:
                            raise process.obituary() from None
        except BaseException:
            ours.close()
            raise
        raise InternalError("unreachable")

    def _running(self) -> _Process:
        process = self._process
        if process is not None and process.exit_code is not None:
            process.close()
            process = None
        if process is None:
            process = _Process(self._argv, self._environment)
            self._process = process
        return process

    @staticmethod
    def _failure(job: str, dead: _Process | None, error: Exception) -> Exception:
        if dead is not None:
            return dead.obituary()
        return BuildError(
            f"the process of a step ended before it had answered (job {job!r}: {error})",
            code="WK0007",
            help="something killed it, perhaps for want of memory; run the build again",
        )


def take(message: Mapping[str, Any], on_event: OnEvent | None) -> dict[str, Any] | None:
    """Deal with one message of a job: None for an event, the result at the end; raises the job's error."""
    pending = [dict(message)]
    if "event" in message:
        if on_event is not None:
            on_event(message["event"])
        return None
    return read_answer(pending.pop, on_event)


def _kept_environment() -> dict[str, str]:
    """The variables that the worker gets: what steps see is in their own specification."""
    return {name: value for name, value in os.environ.items() if name in _KEPT_VARIABLES or name.startswith("LADLE_")}


def _spawn(argv: list[str], environment: dict[str, str], control: int, stderr: int) -> int:
    """Start the worker: own process group (a Ctrl-C is ours to handle), nothing open but 0 to 3."""
    import fcntl

    high = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _LOW_FDS) for fd in (control, stderr)]
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDWR, 0),
        (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_RDWR, 0),
        (os.POSIX_SPAWN_DUP2, high[1], 2),
        (os.POSIX_SPAWN_DUP2, high[0], 3),
    ]
    defaults = [signal.SIGPIPE, signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD]
    try:
        return os.posix_spawnp(
            argv[0], [*argv, "3"], environment, file_actions=actions, setpgroup=0, setsigmask=[], setsigdef=defaults
        )
    finally:
        for fd in high:
            os.close(fd)


@contextmanager
def _job_socket(sock: socket.socket, process: _Process) -> Iterator[None]:
    """Keep a job's socket attached to the worker process, and close it at the end."""
    process.attach(sock)
    try:
        if process.ended(0):
            _shut(sock, socket.SHUT_RD)
        yield
    finally:
        process.detach(sock)
        sock.close()


def _shut(sock: socket.socket, how: int) -> None:
    try:
        sock.shutdown(how)
    except OSError:
        return


async def _drain(loop: asyncio.AbstractEventLoop, sock: socket.socket) -> None:
    """Read until the front lets go of the job, which it does when nothing of it is left."""
    try:
        while await loop.sock_recv(sock, _CHUNK):
            pass
    except OSError:
        return


async def _uncancelled(task: asyncio.Future[None]) -> None:
    """Await a task to its end whatever further cancellations come."""
    import asyncio

    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            continue
