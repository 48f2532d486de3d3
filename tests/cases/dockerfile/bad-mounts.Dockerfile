FROM busybox AS one
RUN --mount=type=volume,target=/a x
RUN --mount=type=cahce,target=/a x
RUN --mount=target=/a,mode=755 x
RUN --mount=target=/a,uid=1 x
RUN --mount=type=tmpfs,target=/a,gid=1 x
RUN --mount=target=/a,sharing=locked x
RUN --mount=type=cache,target=/a,sharing=lokced x
RUN --mount=target=/a,required x
RUN --mount=target=/a,size=1 x
RUN --mount=type=tmpfs,target=/a,size=lots x
RUN --mount=type=secret x
RUN --mount=type=secret,id=a,source=b x
RUN --mount=type=secret,id=a,from=b x
RUN --mount=type=secret,id=a,sharing=shared x
RUN --mount=type=secret,id=a,mode=9 x
RUN --mount=type=secret,id=a,uid=99999999999 x
RUN --mount=type=secret,id=a,required=maybe x
RUN --mount=type=ssh,source=a x
RUN --mount=target=/a,ro=perhaps x
RUN --mount=target=/a,tarrget=/b x
RUN --mount=target=/a,bare x
RUN --mount=target=/ x
RUN --mount=source=/a x
RUN --mount=target=${unclosed x
RUN --mount=from=two,target=/a x
RUN --device= x
RUN --device=required x
RUN --device=a.com/b=1,c.com/d=2 x
FROM busybox AS two
FROM scratch
COPY --from=one x y
