"""A service on Debian: sources from elsewhere, a build, its tests, and the image."""

from ladle.frontends.python import (
    Healthcheck,
    Image,
    cached,
    copy,
    env,
    file,
    image,
    run,
    secret_env,
    target,
    user,
    workdir,
)

SETTINGS = """\
listen = 0.0.0.0:7000
threads = 8
"""
CLONE = """\
mkdir -p -m 0700 /root/.ssh
ssh-keyscan git.example.org > /root/.ssh/known_hosts
git clone --depth 1 git@git.example.org:kitchen/schema.git /schema
"""


def apt(*packages, before=()):
    """Install packages; lists and archives outlive the build, nothing of them is in the image."""
    lines = [*before, "apt-get update", f"apt-get install -y --no-install-recommends {' '.join(packages)}", ""]
    caches = ["/var/cache/apt", "/var/lib/apt/lists"]
    return run("\n".join(lines), cache=[cached(path, sharing="locked") for path in caches])


@target
def base():
    """Debian with what all stages need."""
    keep = "rm -f /etc/apt/apt.conf.d/docker-clean"
    return image("debian:bookworm-slim").with_(
        env(LANG="C.UTF-8"),
        apt("ca-certificates", "curl", "git", "openssh-client", before=[keep]),
        run("useradd --system --uid 900 --home-dir /srv/service --create-home service"),
        workdir("/srv/service"),
    )


@target
def sources():
    """What comes from other machines: the schema and the data of the tests."""
    return base().with_(
        run(CLONE, ssh=True),
        run(
            'curl -fsS -u "$API_USER:$(cat /run/secrets/token)" -o /data.json https://api.example.org/data',
            secrets=["token", secret_env("user", "API_USER", optional=True)],
        ),
    )


@target
def build():
    """The service below /out."""
    return base().with_(
        apt("build-essential", "cmake", "ninja-build"),
        workdir("/src"),
        copy("CMakeLists.txt", to="./"),
        copy("src/", to="src/"),
        copy("/schema/", source=sources(), to="schema/"),
        run("cmake -G Ninja -B build && DESTDIR=/out ninja -C build install", cache=["build"]),
    )


@target
def tests():
    """The tests, without a network."""
    return build().with_(
        copy("tests/", to="tests/"),
        copy("/data.json", source=sources(), to="tests/"),
        run("ctest --test-dir tests --output-on-failure", network="none"),
    )


@target
def service():
    """The image."""
    tree = base().with_(
        copy("/out/", source=build(), to="/", owner="root:root"),
        copy("/schema/*.json", source=sources(), to="share/schema/", mode=0o644),
        copy("config/", to="/etc/service/", exclude=["*.md"]),
        file("/etc/service/service.conf", SETTINGS),
        user("service"),
    )
    return Image(
        tree,
        ports=[7000, "7001/udp"],
        volumes=["/srv/service/state"],
        labels={"org.opencontainers.image.title": "service", "org.opencontainers.image.vendor": "kitchen"},
        stop_signal="SIGTERM",
        healthcheck=Healthcheck(["curl", "-fsS", "http://localhost:7000/health"], interval=15, timeout=2, retries=4),
        entrypoint=["/usr/bin/service"],
        cmd=["--config", "/etc/service/service.conf"],
    )
