"""Runs one Pulumi program in the program's own Python: `program.py SETTINGS PROGRAM [ARGUMENT ...]`.

A script rather than a module, for the program's environment may know nothing of Groundwork: it imports the SDK and the
standard library only. SETTINGS is a JSON document; configuration comes in PULUMI_CONFIG, since it may hold secrets.
Exits with 32 where the error was shown already.
"""

import asyncio
import atexit
import contextlib
import gc
import inspect
import json
import logging
import os
import pathlib
import runpy
import signal
import sys
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NoReturn

ERROR_SHOWN = 32
INTERRUPTED = 130
# Python's default of 700 searches the many objects of the SDK and a large program over and over, and finds nothing.
gc.set_threshold(50_000)

try:
    import grpc
    import pulumi
    import pulumi.runtime
except ImportError:
    print(
        f"{sys.executable} has no Pulumi SDK: install the program's requirements, `pulumi install` does",
        file=sys.stderr,
    )
    sys.exit(1)


def configure(settings: dict[str, Any]) -> None:
    pulumi.runtime.set_all_config(pulumi.runtime.get_config_env(), pulumi.runtime.get_config_secret_keys_env())
    known = inspect.signature(pulumi.runtime.Settings.__init__).parameters
    pulumi.runtime.configure(
        pulumi.runtime.Settings(**{name: value for name, value in settings.items() if name in known})
    )


def ignore(*arguments: Any, **named: Any) -> None:
    del arguments, named


def shorten_stack_traces(root: str) -> None:
    """Keeps the frames of the project in what is recorded of a resource's origin.

    The frames of the SDK, asyncio and this script are the same for every resource, and a third of the state.
    """
    from pulumi.runtime import resource
    from pulumi.runtime.proto import source_pb2

    if not hasattr(resource, "_get_stack_trace"):
        return  # an SDK that records none
    installed = os.path.join(root, ".venv") + os.sep

    def stack_trace() -> Any:
        frames: list[Any] = []
        frame, constructors = inspect.currentframe(), 0
        while frame is not None:
            name = frame.f_code.co_filename
            # The SDK's rule: what called the third constructor, the resource's own class, is the program's.
            own = constructors >= 3 and name.startswith(root) and "site-packages" not in name
            constructors += frame.f_code.co_name == "__init__"
            if own and not name.startswith(installed):
                position = source_pb2.SourcePosition(uri=pathlib.Path(name).as_uri(), line=frame.f_lineno)
                frames.append(source_pb2.StackFrame(pc=position))
            frame = frame.f_back
        return source_pb2.StackTrace(frames=frames)

    setattr(resource, "_get_stack_trace", stack_trace)  # noqa: B010  private to the SDK, and so to its types


def user_traceback(program: str) -> str:
    """The part of the traceback that begins in the program."""
    frames = traceback.extract_tb(sys.exc_info()[2])
    start = os.path.abspath(program)
    for index, frame in enumerate(frames):
        if os.path.abspath(frame.filename) in (start, os.path.join(start, "__main__.py")):
            return traceback.format_exc(limit=index - len(frames))
    return traceback.format_exc()


def main() -> int:
    settings, program, *arguments = sys.argv[1:]
    sys.path.pop(0)  # the folder of this script
    sys.argv = [program, *arguments]
    chosen = json.loads(settings)
    configure(chosen)
    shorten_stack_traces(os.path.abspath(chosen["root_directory"]))
    if not chosen["verbose"]:
        pulumi.log.debug = ignore  # four lines a resource, each a call that the program waits for, and nobody reads
    # What a failed program leaves behind is of no use to its reader.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    loop.set_default_executor(ThreadPoolExecutor(max(int(chosen["parallel"]), 1) * 4))
    try:
        loop.run_until_complete(
            pulumi.runtime.run_in_stack(lambda: (runpy.run_path(program, run_name="__main__"), None)[1])
        )
    except pulumi.RunError as error:
        show_error(str(error))
        return 1
    except Exception:
        show_error("Program failed with an unhandled exception:\n" + user_traceback(program))
        return ERROR_SHOWN
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()
    return 0


def show_error(message: str) -> None:
    """Show an error beside the stack, unless the engine has gone: then it has shown why, and nobody listens."""
    with contextlib.suppress(grpc.RpcError):
        pulumi.log.error(message)


def exit_now(code: int) -> NoReturn:
    """End without Python's own end: that takes the many objects of the SDK and a program apart one by one, and reports
    what an unfinished program leaves behind with tracebacks, which the engine shows beside the cause."""
    signal.signal(signal.SIGINT, end_at_once)
    atexit._run_exitfuncs()  # pyright: ignore[reportPrivateUsage]
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def interrupt(number: int, frame: object) -> NoReturn:
    """Interrupt the program once. The engine may send a second signal while the first one is being followed."""
    del number, frame
    signal.signal(signal.SIGINT, end_at_once)
    raise KeyboardInterrupt


def end_at_once(number: int, frame: object) -> NoReturn:
    del number, frame
    os._exit(INTERRUPTED)


def forget_interrupt(unraisable: Any) -> None:
    """An interrupt may come where nothing can be raised, such as while an object is removed: it counts there too."""
    if isinstance(unraisable.exc_value, KeyboardInterrupt):
        exit_now(INTERRUPTED)
    sys.__unraisablehook__(unraisable)


def run() -> int:
    """Return the exit code of the program."""
    try:
        return main()
    except SystemExit as exit_of_program:
        if isinstance(exit_of_program.code, str):
            print(exit_of_program.code, file=sys.stderr)
        return exit_of_program.code if isinstance(exit_of_program.code, int) else int(bool(exit_of_program.code))


if __name__ == "__main__":
    sys.unraisablehook = forget_interrupt
    signal.signal(signal.SIGINT, interrupt)
    try:
        ended = run()
        if not ended:
            signal.signal(signal.SIGINT, end_at_once)
            threading._shutdown()  # pyright: ignore  waits for the program's threads, as Python's own end does first
        exit_now(ended)
    except KeyboardInterrupt:  # at any moment until then: the engine has had enough, and says why
        exit_now(INTERRUPTED)
