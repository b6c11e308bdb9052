"""The gRPC LanguageRuntime: runs programs, policy packs and plugins, each in the Python that Pulumi.yaml names."""

import json
import os
import platform
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2

from embedded.providers.base.release import release
from embedded.providers.base.shutdown import serve_the_engine
from embedded.providers.base.values import decode

from .interpreter import TOOLCHAINS, Interpreter, OptionError, choose
from .policy import run_policy_pack

PROGRAM = Path(__file__).with_name("program.py")
ERROR_SHOWN = 32
"""program.py's exit code where the program's error is on the screen already."""
GRACE = 5.0
"""Seconds that a cancelled program has for its own clean-up."""

LIST_PACKAGES = """
import importlib.metadata as metadata, json, re, sys
found = {d.metadata["Name"]: d for d in metadata.distributions() if d.metadata["Name"]}
needed = set()
if sys.argv[1] != "all":
    for distribution in found.values():
        for requirement in distribution.requires or ():
            if "extra ==" not in requirement:
                needed.add(re.split(r"[^\\w.-]", requirement, maxsplit=1)[0].lower().replace("_", "-"))
print(json.dumps({n: d.version for n, d in sorted(found.items()) if n.lower().replace("_", "-") not in needed}))
"""


class Host(language_pb2_grpc.LanguageRuntimeServicer):
    """verbose: the engine was started with `-v N --logflow`, and wants the SDK's own lines too."""

    def __init__(self, engine_address: str, *, verbose: bool = False) -> None:
        self.engine_address = engine_address
        self.verbose = verbose
        self.cancelled = threading.Event()
        self.running: set[subprocess.Popen[bytes]] = set()

    def Handshake(self, request: Any, context: Any) -> Any:
        del context
        self.engine_address = request.engine_address or self.engine_address
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        del request, context
        return plugin_pb2.PluginInfo(version=release("pulumi"))

    def GetRequiredPlugins(self, request: Any, context: Any) -> Any:
        del request, context
        return language_pb2.GetRequiredPluginsResponse()

    def GetRequiredPackages(self, request: Any, context: Any) -> Any:
        """None: a plugin is looked for when a resource first needs it, so that an unused SDK needs no plugin."""
        del request, context
        return language_pb2.GetRequiredPackagesResponse()

    def About(self, request: Any, context: Any) -> Any:
        chosen = _interpreter(request.info, context)
        if chosen.python == sys.executable:  # the engine asks before each command: no other Python is started for it
            executable, number = chosen.python, platform.python_version()
        else:
            script = "import platform, sys; print(sys.executable); print(platform.python_version())"
            executable, number = _output(chosen, script).split()
        return language_pb2.AboutResponse(executable=executable, version=number)

    def GetProgramDependencies(self, request: Any, context: Any) -> Any:
        which = "all" if request.transitiveDependencies else "direct"
        found = json.loads(_output(_interpreter(request.info, context), LIST_PACKAGES, which))
        packages = (language_pb2.DependencyInfo(name=name, version=number) for name, number in found.items())
        return language_pb2.GetProgramDependenciesResponse(dependencies=packages)

    def RuntimeOptionsPrompts(self, request: Any, context: Any) -> Any:
        """What `pulumi new` asks for: the toolchain, unless it is set."""
        del context
        if "toolchain" in decode(request.info.options):
            return language_pb2.RuntimeOptionsResponse()
        kinds = language_pb2.RuntimeOptionPrompt
        choices = [
            kinds.RuntimeOptionValue(promptType=kinds.STRING, stringValue=name, displayName=name) for name in TOOLCHAINS
        ]
        prompt = kinds(
            key="toolchain",
            description="The toolchain to use for installing dependencies and running the program",
            promptType=kinds.STRING,
            choices=choices,
            default=choices[0],
        )
        return language_pb2.RuntimeOptionsResponse(prompts=[prompt])

    def InstallDependencies(self, request: Any, context: Any) -> Iterator[Any]:
        """`pulumi install`: uv, poetry or pip, as the options say."""
        options, folder = decode(request.info.options), Path(request.directory)
        for command in _install_commands(folder, options, request.is_plugin):
            done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
            yield language_pb2.InstallDependenciesResponse(stdout=done.stdout)
            if done.returncode != 0:
                context.abort(grpc.StatusCode.UNKNOWN, f"`{' '.join(command)}` failed with {done.returncode}")

    def Run(self, request: Any, context: Any) -> Any:
        chosen = _interpreter(request.info, context)
        settings = {
            "project": request.project,
            "stack": request.stack,
            "parallel": request.parallel,
            "dry_run": request.dryRun,
            "organization": request.organization or "organization",
            "monitor": request.monitor_address,
            "engine": self.engine_address,
            "root_directory": request.info.root_directory,
            "verbose": self.verbose,
        }
        program = os.path.normpath(os.path.join(request.info.program_directory, request.info.entry_point or "."))
        command = [chosen.python, "-u", str(PROGRAM), json.dumps(settings), program, *request.args]
        variables = {
            **chosen.environment(),
            "PULUMI_CONFIG": json.dumps(dict(request.config)),
            "PULUMI_CONFIG_SECRET_KEYS": json.dumps(list(request.configSecretKeys)),
        }
        code = self._wait(subprocess.Popen(command, cwd=request.pwd, env=variables))
        if code == ERROR_SHOWN:
            return language_pb2.RunResponse(bail=True)
        return language_pb2.RunResponse(error=f"the program exited with code {code}" if code else "")

    def RunPlugin(self, request: Any, context: Any) -> Iterator[Any]:
        policy = request.kind == "analyzer"
        chosen = _interpreter(request.info, context, default="" if policy else "venv")
        variables = {**chosen.environment(), **dict(entry.split("=", 1) for entry in request.env)}
        folder = request.info.program_directory
        if policy:
            command = [chosen.python, "-u", "-m", "pulumi.policy", *request.args, folder]
            yield from run_policy_pack(command, Path(folder), variables, self.cancelled)
            return
        command = [chosen.python, "-u", folder, *request.args]
        with subprocess.Popen(command, cwd=request.pwd, env=variables, stdout=subprocess.PIPE) as process:
            context.add_callback(process.terminate)
            for line in process.stdout or ():
                yield language_pb2.RunPluginResponse(stdout=line)
            yield language_pb2.RunPluginResponse(exitcode=process.wait())

    def Cancel(self, request: Any, context: Any) -> Any:
        del request, context
        self.stop()
        return Empty()

    def stop(self) -> None:
        """Interrupts the programs, as Ctrl-C would."""
        self.cancelled.set()
        for process in list(self.running):
            _interrupt(process)

    def _wait(self, process: subprocess.Popen[bytes]) -> int:
        self.running.add(process)
        if self.cancelled.is_set():  # while it was being started
            _interrupt(process)
        try:
            return process.wait()
        finally:
            self.running.discard(process)


def _interrupt(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGINT)
    end = threading.Timer(GRACE, process.kill)
    end.daemon = True
    end.start()


def _interpreter(info: Any, context: Any, default: str = "") -> Interpreter:
    try:
        return choose(Path(info.root_directory), decode(info.options), default_virtualenv=default)
    except OptionError as error:
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))
        raise


def _output(chosen: Interpreter, script: str, *arguments: str) -> str:
    command = [chosen.python, "-c", script, *arguments]
    return subprocess.run(command, env=chosen.environment(), capture_output=True, text=True, check=True).stdout


def _install_commands(folder: Path, options: dict[str, Any], plugin: bool) -> list[list[str]]:
    toolchain = options.get("toolchain")
    if toolchain in ("uv", "poetry"):
        return [[toolchain, "sync" if toolchain == "uv" else "install"]]
    virtualenv = options.get("virtualenv") or ("venv" if plugin else "")
    if not virtualenv:
        return []
    python = str(folder / virtualenv / "bin" / "python")
    made = [] if Path(python).exists() else [[sys.executable, "-m", "venv", str(folder / virtualenv)]]
    return [*made, [python, "-m", "pip", "install", "-r", str(folder / "requirements.txt")]]


def serve() -> None:
    """Serves until the engine is done or gone; the port goes to standard output, as the engine expects."""
    server = grpc.server(ThreadPoolExecutor(16))
    # Options come as flags; the engine's address is the last plain argument.
    address = next((a for a in reversed(sys.argv[1:]) if not a.startswith("-")), "")
    host = Host(address, verbose=any(a.lstrip("-").startswith("v=") for a in sys.argv[1:]))
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server)
    port = server.add_insecure_port("127.0.0.1:0")

    server.start()
    serve_the_engine(port)
    host.stop()
    os._exit(0)
