# escape=x
# escape=`
# syntax=a
# syntax=b
FROM scratch
