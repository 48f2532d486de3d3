FROM busybox
RUN --mount= x
RUN --mount='target=\"/a' x
RUN --mount=from=$stage,target=/a x
RUN --mount=from=9,target=/a fine, a number is an image here
