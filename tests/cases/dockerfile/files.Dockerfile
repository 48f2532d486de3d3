FROM busybox
WORKDIR relative
COPY . .
COPY a.txt b.txt sub/../c.txt dir/
COPY ["with space.txt", "/to here/"]
COPY --chown=app:staff --chmod=0640 *.conf /etc/app/
COPY --chmod=u=rwX,go-w --link=false x y
ADD --chown=7 pack.tar.gz /
ADD --unpack=false pack.tar.gz /kept/
WORKDIR /
WORKDIR /deep/../deeper/
