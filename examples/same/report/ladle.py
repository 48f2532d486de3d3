"""A report on data that comes from elsewhere: `ladle build . --build-context data=…`."""

from ladle.frontends.python import context, copy, image, mounted, run, target, tmpfs, workdir

COUNT = """\
sort report.txt > /scratch/sorted
wc -l < /scratch/sorted > lines.txt
"""


@target
def report():
    """The report and how long it is."""
    made = image("busybox:1.36").with_(
        workdir("/report"),
        run(
            "cat /in/template.txt /in/data/*.txt > report.txt",
            mounts=[mounted("/in/template.txt", path="template.txt"), mounted("/in/data", context("data"))],
        ),
        run(COUNT, mounts=[tmpfs("/scratch")]),
    )
    return image("scratch").with_(copy("/report/", source=made, to="/"))
