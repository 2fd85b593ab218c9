"""What reaches outside of a program, by dotted path: clocks, chance, the environment, files, networks, processes.

A path is as `values.External` has it: `()` is what a call gives. An entry that ends with `.` stands for all that begins
with it.
"""

from __future__ import annotations

import ast
from typing import Final

from durable_lambda.lint.resolver import Resolver


class Paths:
    """A set of dotted paths and prefixes."""

    def __init__(self, *entries: str) -> None:
        words = [word for entry in entries for word in entry.split()]
        self._exact = frozenset(word for word in words if not word.endswith("."))
        self._prefixes = tuple(word for word in words if word.endswith("."))

    def __contains__(self, path: object) -> bool:
        return isinstance(path, str) and (path in self._exact or (path.startswith(self._prefixes) and path[-1] != ")"))


def _each(owner: str, names: str) -> list[str]:
    """The paths of some names of one owner."""
    return [owner + name for name in names.split()]


_LOOPS: Final = ["asyncio.get_running_loop()", "asyncio.get_event_loop()", "asyncio.new_event_loop()"]

CLOCK: Final = Paths(
    "time.time time.time_ns datetime.datetime.now datetime.datetime.utcnow datetime.datetime.today datetime.date.today",
    "pandas.Timestamp.now pandas.Timestamp.utcnow pandas.Timestamp.today pendulum.now pendulum.today pendulum.tomorrow",
    "pendulum.yesterday arrow.now arrow.utcnow django.utils.timezone.now django.utils.timezone.localtime",
    "whenever.Instant.now",
)
STOPWATCH: Final = Paths(
    "time.monotonic time.monotonic_ns time.perf_counter time.perf_counter_ns time.process_time time.process_time_ns",
    "time.thread_time time.thread_time_ns timeit.default_timer",
    *(f"{loop}.time" for loop in _LOOPS),
)
"""Clocks that measure: harmless as long as only a log or a metric gets to know what they read."""
CLOCK_WITHOUT_ARGUMENTS: Final = {
    "time.localtime": 1,
    "time.gmtime": 1,
    "time.ctime": 1,
    "time.asctime": 1,
    "time.strftime": 2,
    "arrow.get": 1,
}
"""Reads the clock when it is given fewer arguments than these."""

CHANCE: Final = Paths(
    *_each(
        "random.",
        "betavariate binomialvariate choice choices expovariate gammavariate gauss getrandbits getstate "
        "lognormvariate normalvariate paretovariate randbytes randint random randrange sample seed setstate "
        "shuffle triangular uniform vonmisesvariate weibullvariate SystemRandom",
    ),
    "secrets.choice secrets.randbelow secrets.randbits secrets.token_bytes secrets.token_hex secrets.token_urlsafe",
    "secrets.SystemRandom uuid.uuid1 uuid.uuid4 uuid.uuid6 uuid.uuid7 uuid.uuid8 os.urandom os.getrandom",
    *_each(
        "numpy.random.",
        "rand randn randint random random_sample choice shuffle permutation uniform normal bytes seed "
        "binomial poisson exponential beta gamma",
    ),
    "ulid.new ulid.ULID nanoid.generate shortuuid.uuid uuid_utils.uuid4 uuid_utils.uuid7",
)
CHANCE_WITHOUT_ARGUMENTS: Final = {"random.Random", "numpy.random.default_rng", "numpy.random.RandomState"}
"""Generators that are seeded by chance unless they are given a seed."""

ENVIRONMENT_CALLS: Final = Paths(
    "os.getenv os.getenvb os.getcwd os.getcwdb os.getpid os.getppid os.getlogin os.cpu_count os.uname",
    "pathlib.Path.cwd pathlib.Path.home os.path.expanduser os.path.expandvars",
    "platform.node platform.platform platform.uname platform.system platform.release platform.machine",
    "socket.gethostname socket.getfqdn getpass.getuser uuid.getnode",
)
ENVIRONMENT_VALUES: Final = Paths("os.environ os.environb sys.argv")

WORLD: Final = Paths(
    "builtins.open io.open builtins.input",
    *_each(
        "os.",
        "access chmod chown link listdir lstat makedirs mkdir open popen readlink remove removedirs rename "
        "renames replace rmdir scandir stat statvfs symlink system truncate unlink utime walk fwalk kill "
        "path.exists path.lexists path.isfile path.isdir path.islink path.getsize path.getmtime path.getctime "
        "path.getatime path.realpath",
    ),
    *_each(
        "pathlib.Path().",
        "chmod exists glob hardlink_to is_dir is_file is_symlink iterdir lstat mkdir open owner read_bytes "
        "read_text readlink rename replace rglob rmdir samefile stat symlink_to touch unlink walk write_bytes "
        "write_text",
    ),
    "glob.glob glob.iglob shutil. tempfile. fileinput.input linecache.getline",
    *_each("requests.", "get post put patch delete head options request"),
    "requests.Session(). requests.session().",
    *_each("httpx.", "get post put patch delete head options request stream"),
    "httpx.Client(). httpx.AsyncClient(). aiohttp.request aiohttp.ClientSession().",
    "urllib.request.urlopen urllib.request.urlretrieve urllib3.request urllib3.PoolManager().",
    "http.client.HTTPConnection(). http.client.HTTPSConnection().",
    "boto3.client(). boto3.resource(). boto3.Session().client(). boto3.Session().resource().",
    "boto3.session.Session().client(). boto3.session.Session().resource().",
    "socket.create_connection socket.create_server socket.getaddrinfo socket.gethostbyname socket.socket().",
    "asyncio.open_connection asyncio.start_server asyncio.open_unix_connection",
    "subprocess.run subprocess.call subprocess.check_call subprocess.check_output subprocess.Popen",
    "subprocess.getoutput subprocess.getstatusoutput asyncio.create_subprocess_exec asyncio.create_subprocess_shell",
    "sqlite3.connect psycopg.connect psycopg2.connect psycopg.AsyncConnection.connect asyncpg.connect",
    "asyncpg.create_pool pymysql.connect mysql.connector.connect aiosqlite.connect apsw.Connection",
    "sqlite3.connect(). psycopg.connect(). psycopg2.connect(). redis.Redis(). redis.StrictRedis().",
    "redis.asyncio.Redis(). pymongo.MongoClient(). smtplib.SMTP(). smtplib.SMTP_SSL(). ftplib.FTP().",
    "paramiko.SSHClient().",
    "asyncio.to_thread anyio.to_thread.run_sync",
    *(f"{loop}.run_in_executor" for loop in _LOOPS),
    "concurrent.futures.ThreadPoolExecutor().submit concurrent.futures.ProcessPoolExecutor().submit",
    "concurrent.futures.ThreadPoolExecutor().map concurrent.futures.ProcessPoolExecutor().map",
)
_LOCAL: Final = frozenset(
    _each(
        "",
        "aclose auth base_url build_request close cookies cursor exceptions get_paginator get_waiter headers meta "
        "mount params pipeline settimeout timeout Bucket Table",
    )
)
"""What clients have that asks nobody."""

SLEEP: Final = Paths("asyncio.sleep time.sleep anyio.sleep anyio.sleep_until trio.sleep gevent.sleep")

LOGGING: Final = Paths(
    *(
        f"{logger}.{level}"
        for logger in (
            "logging",
            "logging.getLogger()",
            "structlog.get_logger()",
            "loguru.logger",
            "aws_lambda_powertools.Logger()",
        )
        for level in ["debug", "info", "warning", "warn", "error", "exception", "critical", "log"]
    ),
    "builtins.print warnings.warn sys.stdout.write sys.stderr.write",
)


def clock_read_by(call: ast.Call, resolver: Resolver) -> str | None:
    """The wall clock that a call reads, if it is one."""
    paths = resolver.paths(call.func)
    given = len(call.args) + len(call.keywords)
    if paths and all(path in CLOCK or given < CLOCK_WITHOUT_ARGUMENTS.get(path, 0) for path in paths):
        return paths[0]
    return None


def stopwatch_read_by(call: ast.Call, resolver: Resolver) -> str | None:
    """The measuring clock that a call reads, if it is one."""
    paths = resolver.paths(call.func)
    return paths[0] if paths and all(path in STOPWATCH for path in paths) else None


def chance_in(call: ast.Call, resolver: Resolver) -> str | None:
    """The source of chance that a call draws from, if it is one."""
    paths = resolver.paths(call.func)
    is_seeded = bool(call.args or call.keywords)
    if paths and all(path in CHANCE or (path in CHANCE_WITHOUT_ARGUMENTS and not is_seeded) for path in paths):
        return paths[0]
    return None


def environment_in(node: ast.AST, resolver: Resolver) -> str | None:
    """What of the process's surroundings a node reads, if it does."""
    if isinstance(node, ast.Call):
        paths = resolver.paths(node.func)
        return paths[0] if paths and all(path in ENVIRONMENT_CALLS for path in paths) else None
    if isinstance(node, (ast.Name, ast.Attribute)) and isinstance(node.ctx, ast.Load):
        path = resolver.path(node)
        return path if path in ENVIRONMENT_VALUES else None
    return None


def world_touched_by(call: ast.Call, resolver: Resolver) -> str | None:
    """The file, network, process or thread that a call reaches for, if it does."""
    paths = resolver.paths(call.func)
    return paths[0] if paths and all(path in WORLD and not _is_local(path) for path in paths) else None


def _is_local(path: str) -> bool:
    """Whether it is a part of a client that asks nobody: `requests.Session().headers.update`."""
    client, _, rest = path.rpartition("().")
    return bool(client) and rest.partition(".")[0] in _LOCAL
