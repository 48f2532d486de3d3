FROM busybox
ARG V=value
RUN <<EOF
echo $V
echo two
EOF
RUN <<-EOF
	#!/bin/sh
	echo script
EOF
RUN python3 <<EOF - && cat <<"B"
print("$V")
EOF
second
B
RUN --mount=type=tmpfs,target=/t 3<<-FD cat <&3
	tabs
	FD
COPY <<A <<-"B" plain <<'C' /d/
${V} "quoted $V" \$V \\ 'single $V' ${V:-x}
A
	kept ${V} without tabs
	B
raw $V
C
ADD --chmod=600 --chown=1:2 --link=false <<empty /e
empty
ONBUILD COPY <<X /y
$later
X
SHELL ["/bin/bash", "-ec"]
RUN <<EOF
set -u
EOF
