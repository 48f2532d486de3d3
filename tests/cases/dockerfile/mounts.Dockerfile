FROM busybox AS one
ARG T=/var/cache W
WORKDIR /w
FROM one
RUN --mount=target=/ctx --mount=type=bind,from=one,source=d,target=rel/,rw x
RUN --mount=type=cache,target=$T --mount=type=cache,id=own,sharing=locked,target=/c,mode=0700,uid=1,gid=2 x
RUN --mount=type=cache,target=/c,from=one,source=seed,uid=1,ro --mount=type=CACHE,target=/p,sharing=PRIVATE x
RUN --mount=type=tmpfs,target=/t,size=1.5g --mount='type=bind,source=a,"target=/with, comma"' x
RUN --mount=type=secret,id=a --mount=type=secret,source=b/c,required --mount=type=secret,target=/x/d x
RUN --mount=type=secret,id=e,env=TOKEN echo $TOKEN
RUN --mount=type=secret,id=f,env=F,target=/f,required=true,uid=1,mode=444 x
RUN --mount=type=ssh --mount=type=ssh,id=k,target=/s.sock,required --mount=type=ssh,gid=3 x
ENV SSH_AUTH_SOCK=/mine
RUN --mount=type=ssh x
RUN --mount=from=alpine,target=/a --security=insecure --network=host x
RUN --device=vendor.com/gpu=all --device=name=other.com/x=1,required x
