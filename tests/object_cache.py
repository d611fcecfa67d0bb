"""Stand in for a C compiler: what was compiled once in a run of the tests is not compiled again.

``conftest.py`` puts a folder first on PATH with programs of the compilers' names. Each runs this module,
which runs the real compiler on every source file once and keeps the object file. A later command gets a
copy of it if all of this is the same: the compiler, the options, the bytes of the source, the names of all
headers below the folders that are searched, and the bytes of every header that was read. The real compiler
runs each time where it printed a warning or an error. A command with an option that this module does not
know is passed on as it is, and every command is while the environment has ``OBJECT_CACHE=off``.
"""

from __future__ import annotations

import os
import sys

try:
    from _blake2 import blake2b  # the import of hashlib takes longer than the rest of this program
except ImportError:
    from hashlib import blake2b

OFF = "OBJECT_CACHE"
WORTHWHILE = 6  # sources of a program; those of fewer are mostly of one test alone
# Options with the value in the next argument.
PAIRS = ("-o", "-I", "-D", "-isystem", "-include", "-MF", "-MT")
COMPILES = ("-std=", "-O", "-W", "-w", "-g", "-f", "-m", "-D", "-U", "-I", "-pedantic", "-trigraphs")
COMPILES += ("-isystem", "-include")
LINKS = ("-l", "-L", "-Wl,", "-T", "-nostartfiles", "-nostdlib", "-no-pie", "-static", "-shared", "--specs=")
# These write files beside the object, or read others than sources and headers.
NEVER = ("-Wp,", "-Wa,", "-flto", "-fprofile", "-ftest-", "-fstack-usage", "-fdump", "-fcallgraph")
NEVER += ("-fplugin", "-fmodules", "-fwhole-program", "-fdiagnostics-")
SYSTEM = ("/usr/include/", "/usr/lib/")  # these headers change with the compiler alone
HEADERS = (".h", ".inc")
ENVIRONMENT = ("CPATH", "C_INCLUDE_PATH", "SOURCE_DATE_EPOCH", "GCC_EXEC_PREFIX", "COMPILER_PATH")
# An object file is made of more than its source and headers where these appear.
UNKEPT = (b"__DATE__", b"__TIME__", b"__TIMESTAMP__", b".incbin", b"#embed")
PREFIX_MAP = "-ffile-prefix-map="
# With these an object file holds the paths of its sources; and where their text has these words.
WITH_PATHS = ("-g", "-fsanitize")
NAMES_A_PATH = (b"__FILE__", b"__BASE_FILE__", b"assert")


class PassOnError(Exception):
    """The command is none that this program knows."""


class Command:
    """A command line, taken apart."""

    def __init__(self, arguments: list[str]) -> None:
        self.whole = "-c" not in arguments
        self.sources: list[str] = []
        self.options: list[str] = []  # of the compiler proper
        self.told = {"-o": "", "-MF": "", "-MT": ""}
        self.prefixes: list[str] = []  # of folders whose names don't get into an object file
        if "-MD" in arguments and "-MF" not in arguments:
            raise PassOnError
        waiting = iter(arguments)
        for argument in waiting:
            value = next(waiting, "") if argument in PAIRS else ""
            self._take(argument, value)
        self.paths_matter = any(option.startswith(WITH_PATHS) for option in self.options)
        if not self.paths_matter:
            self.prefixes += [*self.searched(), *map(folder_of, self.sources)]
        if self.whole and len(self.sources) < WORTHWHILE:
            raise PassOnError
        if not self.sources or (not self.whole and self.told["-o"] and len(self.sources) > 1):
            raise PassOnError

    def _take(self, argument: str, value: str) -> None:
        if argument in ("-o", "-MF", "-MT"):
            self.told[argument] = value
        elif argument in ("-c", "-MD"):
            pass
        elif argument.startswith(NEVER):
            raise PassOnError
        elif argument.startswith(LINKS) or argument.endswith((".o", ".a", ".obj")):
            if not self.whole:
                raise PassOnError
        elif argument.startswith(COMPILES):
            if argument.startswith(PREFIX_MAP):
                self.prefixes.append(argument.removeprefix(PREFIX_MAP).partition("=")[0])
            self.options += [argument, value] if argument in PAIRS else [argument]
        elif argument.endswith(".c"):
            self.sources.append(argument)
        else:
            raise PassOnError

    def searched(self) -> list[str]:
        """Return the folders that are searched for headers."""
        found, take = [], False
        for option in self.options:
            if take:
                found.append(option)
            elif option.startswith("-I") and option != "-I":
                found.append(option[2:])
            take = option in ("-I", "-isystem")
        return found

    def mapped(self, path: str) -> str:
        """Return a path as it gets into an object file, where that is said by the options."""
        for number, old in enumerate(self.prefixes):
            if path == old or path.startswith(old + "/"):
                return f"<{number}>{path[len(old) :]}"
        return path

    def unmapped(self, path: str) -> str:
        """Return the path of which ``mapped`` made this."""
        for number, old in enumerate(self.prefixes):
            if path.startswith(f"<{number}>"):
                return old + path.removeprefix(f"<{number}>")
        return path


def key(command: Command, source: str, compiler: str) -> str:
    """Return the digest of all that decides what a compiler makes of a source, but for the headers' bytes."""
    digest = blake2b(digest_size=20)
    told = [compiler, command.mapped(source), *(os.environ.get(name, "") for name in ENVIRONMENT)]
    for option in command.options:
        if option.startswith(PREFIX_MAP):
            told.append(option.rpartition("=")[2])
        elif option.startswith("-I"):
            told.append("-I" + command.mapped(option[2:]))
        else:
            told.append(command.mapped(option))
    if command.paths_matter:
        told.append(command.mapped(os.getcwd()))
    for folder in [folder_of(source), *command.searched()]:
        told.append(command.mapped(folder))
        told += names_below(folder)
    digest.update("\0".join(told).encode(errors="surrogateescape"))
    digest.update(content(source))
    return digest.hexdigest()


def names_below(folder: str) -> list[str]:
    """Return the names of the headers below a folder."""
    if folder.startswith(SYSTEM):
        return []
    walked = os.walk(folder)
    found = (
        at[len(folder) :] + "/" + name for at, _, names in walked for name in names if name.endswith(HEADERS)
    )
    return sorted(found)


def content(path: str) -> bytes:
    """Return the bytes of a file."""
    with open(path, "rb", buffering=0) as file:
        return file.read()


def find(command: Command, folder: str) -> tuple[bytes, list[str]] | None:
    """Return the object file whose headers are those of now, and their paths."""
    try:
        names = [name for name in os.listdir(folder) if name.endswith(".deps")]
    except FileNotFoundError:
        return None
    seen: dict[str, str] = {}
    for name in names:
        with open(f"{folder}/{name}", encoding="utf-8", errors="surrogateescape") as file:
            lines = file.read().splitlines()
        paths = []
        for line in lines:
            digest, _, stored = line.partition(" ")
            path = command.unmapped(stored)
            paths.append(path)
            if path.startswith(SYSTEM):
                continue
            if path not in seen:
                try:
                    seen[path] = blake2b(content(path), digest_size=20).hexdigest()
                except OSError:
                    seen[path] = ""
            if seen[path] != digest:
                break
        else:
            return content(f"{folder}/{name.removesuffix('.deps')}"), paths
    return None


def keep(command: Command, folder: str, made: str, dependencies: list[str]) -> None:
    """Put an object file and what it was made of into the cache, where that is known for certain."""
    lines = []
    for number, path in enumerate(dependencies):
        digest = "-"
        if not path.startswith(SYSTEM):
            text = content(path)
            unkept = UNKEPT if command.paths_matter else UNKEPT + NAMES_A_PATH
            if any(word in text for word in unkept) or (number > 0 and not path.endswith(HEADERS)):
                return
            digest = blake2b(text, digest_size=20).hexdigest()
        lines.append(f"{digest} {command.mapped(path)}\n")
    os.makedirs(folder, exist_ok=True)
    name = f"{folder}/{os.getpid()}.{len(os.listdir(folder))}"
    with open(name, "wb") as file:
        file.write(content(made))
    with open(name + ".new", "w", encoding="utf-8", errors="surrogateescape") as file:
        file.writelines(lines)
    os.rename(name + ".new", name + ".deps")  # now it is there


def run(program: str, arguments: list[str], said: str | None = None) -> int:
    """Run a program, its messages into a file, and return its exit status."""
    actions = (
        [] if said is None else [(os.POSIX_SPAWN_OPEN, 2, said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)]
    )
    pid = os.posix_spawn(program, [program, *arguments], os.environ, file_actions=actions)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def compile_one(command: Command, source: str, output: str, cache: str, compiler: list[str]) -> int:
    """Make the object file of one source and return the exit status."""
    folder = f"{cache}/{key(command, source, compiler[1])}"
    kept = find(command, folder)
    if kept is None:
        work = f"{folder}.{os.getpid()}"
        rules = ["-MD", "-MF", work + ".d", "-MT", "x", "-c", source, "-o", output]
        status = run(compiler[0], [*command.options, *rules], work + ".said")
        said = content(work + ".said")
        os.write(2, said)
        os.unlink(work + ".said")
        if status != 0:
            return status
        rule = content(work + ".d").decode(errors="surrogateescape").replace("\\\n", " ")
        os.unlink(work + ".d")
        names = rule.partition(": ")[2].replace("\\ ", "\0").split()
        dependencies = [name.replace("\0", " ") for name in names]
        if not said:
            keep(command, folder, output, dependencies)
    else:
        made, dependencies = kept
        with open(output, "wb") as file:
            file.write(made)
    if command.told["-MF"]:
        escaped = " ".join(path.replace(" ", "\\ ") for path in dependencies)
        with open(command.told["-MF"], "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(f"{command.told['-MT'] or output}: {escaped}\n")
    return 0


def folder_of(path: str) -> str:
    """Return the folder that a file is in."""
    return os.path.dirname(path) or "."


def object_name(source: str) -> str:
    """Return the name that a compiler gives the object file of a source."""
    return os.path.basename(source).removesuffix(".c") + ".o"


def compile_and_link(command: Command, arguments: list[str], cache: str, compiler: list[str]) -> int:
    """Do a command that names sources and wants a program, as the compiler does: objects first."""
    folder = f"{cache}/link.{os.getpid()}"
    os.mkdir(folder)
    try:
        linked = []
        for number, argument in enumerate(arguments):
            if argument not in command.sources:
                linked.append(argument)
                continue
            linked.append(f"{folder}/{number}.{object_name(argument)}")
            status = compile_one(command, argument, linked[-1], cache, compiler)
            if status != 0:
                return status
        return run(compiler[0], linked)
    finally:
        for name in os.listdir(folder):
            os.unlink(f"{folder}/{name}")
        os.rmdir(folder)


def main(cache: str, program: str, version: str, *arguments: str) -> int:
    """Do what the command line asks the compiler for."""
    try:
        if os.environ.get(OFF) == "off":
            raise PassOnError
        command = Command(list(arguments))
    except PassOnError:
        os.execv(program, [program, *arguments])
    compiler = [program, version]
    if command.whole:
        return compile_and_link(command, list(arguments), cache, compiler)
    for source in command.sources:
        status = compile_one(command, source, command.told["-o"] or object_name(source), cache, compiler)
        if status != 0:
            return status
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
