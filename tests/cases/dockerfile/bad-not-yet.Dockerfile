FROM busybox
RUN --mount=type=cache,target=/c x
RUN --device=a x
COPY --parents a b
COPY --exclude=x a b
ADD --keep-git-dir=true a b
RUN <<EOF
RUN inside is text
EOF
COPY <<A <<-"B" /d/
body
A
	B
ONBUILD COPY <<X /y
X
