FROM scratch
COPPY a b
RUNN x
INCLUDE y
