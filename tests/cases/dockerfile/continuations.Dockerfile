FROM busybox
RUN first \
# a remark inside
    && second \

    && third \   
    && fourth
ENV A="a \
b" \
    # another
    B=c
COPY --chown=1:2 \
     one \
     two \
     /there/
RUN not continued \\
RUN last \
