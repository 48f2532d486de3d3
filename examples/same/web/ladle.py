"""A web application in Python, with its packages from pip."""

from ladle.frontends.python import Healthcheck, Image, copy, env, file, image, run, target, user, workdir

SETTINGS = """\
[server]
port = 8000
workers = 4
"""


@target
def web():
    """The application and what it needs."""
    tree = image("python:3.12-slim").with_(
        env(PYTHONUNBUFFERED="1", PIP_NO_COMPILE="1"),
        run("useradd --create-home app"),
        workdir("/app"),
        copy("requirements.txt", to="./"),
        run("pip install -r requirements.txt", cache=["/root/.cache/pip"]),
        copy("app/", to="app/", owner="app:app"),
        file("/etc/app.toml", SETTINGS),
        user("app"),
    )
    return Image(
        tree,
        ports=[8000],
        labels={"org.opencontainers.image.title": "web"},
        healthcheck=Healthcheck("python -m app.health", interval=30, timeout=3),
        cmd=["python", "-m", "app"],
    )
