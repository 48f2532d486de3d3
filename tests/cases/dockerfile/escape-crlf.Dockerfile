# escape=`
FROM busybox
ENV A=C:\dir`
    B="x`"y"
RUN dir `
  c:\
