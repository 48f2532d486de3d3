"""Two programs in Go, for any platform, compiled on the one that builds."""

from ladle.frontends.python import Image, Platform, build_platform, copy, image, run, target, workdir

MODULES = "/go/pkg/mod"


@target
def modules(go: str = "1.22"):
    """The compiler and the modules."""
    return image(f"golang:{go}", platform=build_platform()).with_(
        workdir("/src"),
        copy("go.mod", "go.sum", to="./"),
        run("go mod download", cache=[MODULES]),
    )


@target
def build(platform: Platform):
    """Both programs below /out."""
    return modules().with_(
        copy(".", to="."),
        run(
            "GOOS=$TARGETOS GOARCH=$TARGETARCH go build -o /out/ ./cmd/server ./cmd/client",
            env={"TARGETOS": platform.os, "TARGETARCH": platform.architecture, "CGO_ENABLED": "0"},
            cache=[MODULES, "/root/.cache/go-build"],
        ),
    )


def program(name: str):
    """One of them, alone."""
    tree = image("scratch").with_(copy(f"/out/{name}", source=build(), to="/"))
    return Image(tree, entrypoint=[f"/{name}"])


@target
def server():
    """The server."""
    return program("server")


@target
def client():
    """The client."""
    return program("client")
