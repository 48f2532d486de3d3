"""A page and the server that hands it out."""

from ladle.frontends.python import Image, copy, image, target, workdir


@target
def page():
    """The page in a web server."""
    tree = image("busybox:1.36").with_(
        workdir("/www"),
        copy("index.html", "style.css", to="./", mode=0o644),
    )
    return Image(tree, ports=[8080], cmd=["httpd", "-f", "-p", "8080"])
